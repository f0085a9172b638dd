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

interface HeldLease {
  readonly lease: ReflectorLease;
  readonly subscription: Disposable;
  readonly timer: NodeJS.Timeout | undefined;
  /** Its first answer did not arrive within `waitMs`. */
  isOverdue: boolean;
}

/** The reflectors that one workload leases, by the key of their plan. */
export class WatchSet implements Disposable {
  readonly #options: WatchSetOptions;
  readonly #held = new Map<string, HeldLease>();

  constructor(options: WatchSetOptions) {
    this.#options = options;
  }

  /** Takes a lease; `undefined` where the set has one already. */
  hold(planned: PlannedWatch): Reflector | undefined {
    if (this.#held.has(planned.key)) return undefined;
    const { reflectors, onChange, onStatus } = this.#options;
    const lease = reflectors.acquire(planned.spec);
    const subscription = lease.reflector.subscribe({
      onChange: (changes) => onChange(planned.key, changes),
      onStatus,
    });
    const held: HeldLease = {
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

  /** Each of them has an answer, or is overdue. */
  isSettled(planned: readonly PlannedWatch[]): boolean {
    return planned.every(({ key }) => {
      const held = this.#held.get(key);
      return held !== undefined && (held.isOverdue || held.lease.reflector.isSettled);
    });
  }

  /** No answer yet. `overdue`: others continue without it. */
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
