import type { Layer } from "./ownership.ts";
import type { Reflector } from "../../kube/reflector.ts";
import type { ReflectorLease, ReflectorPool } from "../../kube/reflector-pool.ts";
import type { StoreChange } from "../../kube/store.ts";
import type { PlannedWatch } from "./watch-spec.ts";

export interface WatchSetOptions {
  readonly reflectors: ReflectorPool;
  readonly onChange: (key: string, changes: readonly StoreChange[]) => void;
  readonly onStatus: () => void;
}

/** The reflectors that one workload holds, by the key of their plan. */
export class WatchSet implements Disposable {
  readonly #options: WatchSetOptions;
  readonly #held = new Map<string, { readonly lease: ReflectorLease; readonly subscription: Disposable }>();

  constructor(options: WatchSetOptions) {
    this.#options = options;
  }

  /** Holds it from now on; `undefined` where it was held already. */
  hold(planned: PlannedWatch): Reflector | undefined {
    if (this.#held.has(planned.key)) return undefined;
    const { reflectors, onChange, onStatus } = this.#options;
    const lease = reflectors.acquire(planned.spec);
    const subscription = lease.reflector.subscribe({
      onChange: (changes) => onChange(planned.key, changes),
      onStatus,
    });
    this.#held.set(planned.key, { lease, subscription });
    return lease.reflector;
  }

  get(planned: PlannedWatch): Reflector | undefined {
    return this.#held.get(planned.key)?.lease.reflector;
  }

  isSettled(planned: readonly PlannedWatch[]): boolean {
    return planned.every((one) => this.get(one)?.isSettled ?? false);
  }

  layersOf(planned: readonly PlannedWatch[]): Layer[] {
    return planned.flatMap((one) => {
      const reflector = this.get(one);
      if (reflector === undefined) return [];
      return [{ resource: one.spec.resource, owner: one.owner, store: reflector.store }];
    });
  }

  /** Lets go of all but these. */
  keep(planned: readonly PlannedWatch[]): void {
    const wanted = new Set(planned.map(({ key }) => key));
    for (const key of this.#held.keys()) if (!wanted.has(key)) this.#release(key);
  }

  [Symbol.dispose](): void {
    for (const key of this.#held.keys()) this.#release(key);
  }

  #release(key: string): void {
    const held = this.#held.get(key);
    this.#held.delete(key);
    held?.subscription[Symbol.dispose]();
    held?.lease[Symbol.dispose]();
  }
}
