import type { PodLayer } from "./scope.ts";
import type { Reflector } from "../../kube/reflector.ts";
import type { ReflectorLease, ReflectorPool } from "../../kube/reflector-pool.ts";
import type { StoreChange } from "../../kube/store.ts";
import type { PlannedWatch } from "./watch-spec.ts";

export interface WatchSetOptions {
  readonly reflectors: ReflectorPool;
  readonly onChange: (key: string, changes: readonly StoreChange[]) => void;
  readonly onStatus: () => void;
}

interface Held {
  readonly lease: ReflectorLease;
  readonly subscription: Disposable;
  readonly timer: NodeJS.Timeout | undefined;
  /** Its first answer did not come within `waitMs`. */
  isOverdue: boolean;
}

/** The reflectors that one workload holds, by the key of their plan. */
export class WatchSet implements Disposable {
  readonly #options: WatchSetOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: WatchSetOptions) {
    this.#options = options;
  }

  /** Starts to hold it; `undefined` where it is held already. */
  hold(planned: PlannedWatch): Reflector | undefined {
    if (this.#held.has(planned.key)) return undefined;
    const { reflectors, onChange, onStatus } = this.#options;
    const lease = reflectors.acquire(planned.spec);
    const subscription = lease.reflector.subscribe({
      onChange: (changes) => onChange(planned.key, changes),
      onStatus,
    });
    const held: Held = {
      lease,
      subscription,
      isOverdue: false,
      timer:
        planned.waitMs === undefined
          ? undefined
          : setTimeout(() => {
              held.isOverdue = true;
              onStatus();
            }, planned.waitMs),
    };
    this.#held.set(planned.key, held);
    return lease.reflector;
  }

  get(planned: PlannedWatch): Reflector | undefined {
    return this.#held.get(planned.key)?.lease.reflector;
  }

  /** Each of them has an answer, or others need not wait for it any longer. */
  isSettled(planned: readonly PlannedWatch[]): boolean {
    return planned.every(({ key }) => {
      const held = this.#held.get(key);
      return held !== undefined && (held.isOverdue || held.lease.reflector.isSettled);
    });
  }

  /** There is no answer yet. `overdue`: others go on without it. */
  missing(planned: PlannedWatch): "pending" | "overdue" | undefined {
    const held = this.#held.get(planned.key);
    if (held === undefined || held.lease.reflector.isSettled) return undefined;
    return held.isOverdue ? "overdue" : "pending";
  }

  layersOf(planned: readonly PlannedWatch[]): PodLayer[] {
    return planned.flatMap((one) => {
      const reflector = this.get(one);
      if (reflector === undefined) return [];
      return [{ resource: one.spec.resource, owner: one.owner, store: reflector.store }];
    });
  }

  /** Releases all but these. */
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
    clearTimeout(held?.timer);
    held?.subscription[Symbol.dispose]();
    held?.lease[Symbol.dispose]();
  }
}
