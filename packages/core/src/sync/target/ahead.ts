import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Channel } from "./channels.ts";
import type { DesiredRoot, DesiredState } from "./desired-state.ts";
import type { RootDelivery } from "./root-delivery.ts";
import { UnderWay } from "./under-way.ts";

/** How far a target is with a candidate. `failing`: the last attempt failed; another one may follow. */
export type Preparation = "preparing" | "prepared" | "failing";

/** A candidate, and how far a target is with it. */
export interface PreparedCandidate {
  /** Number of the candidate. */
  readonly snapshot: number;
  readonly state: Preparation;
}

/**
 * What a target has staged of a candidate: a snapshot that is not released yet. It is committed when the candidate becomes the desired
 * state, and dropped when another one does. Of targets of a gang only.
 */
export class Ahead implements AsyncDisposable {
  #candidate: DesiredState | undefined;
  #state: Preparation = "preparing";
  readonly #deliveries = new Map<string, RootDelivery>();
  readonly #underWay = new UnderWay();

  /** `undefined`: nothing is to be prepared, and what is staged is committed or dropped. */
  get candidate(): DesiredState | undefined {
    return this.#candidate;
  }

  /** `undefined` where there is no candidate. */
  get preparation(): PreparedCandidate | undefined {
    return this.#candidate && { snapshot: this.#candidate.snapshot, state: this.#state };
  }

  get isPrepared(): boolean {
    return this.#candidate !== undefined && this.#state === "prepared";
  }

  /** Nothing is left to commit or to drop. */
  get isEmpty(): boolean {
    return this.#candidate === undefined && this.#deliveries.size === 0;
  }

  /** Replaces the candidate. */
  replace(candidate: DesiredState | undefined, desired: DesiredState): void {
    this.#candidate = candidate;
    this.#state = "preparing";
    this.#underWay.stopOutdated(candidate ?? desired);
  }

  /** The target is prepared: everything that differs is staged and verified. */
  prepared(): void {
    this.#state = "prepared";
  }

  /** The last attempt to prepare failed, or none can be made. */
  failed(): void {
    this.#state = "failing";
  }

  /** What was staged is lost, as with its session. */
  revoke(): void {
    if (this.#state === "prepared") this.#state = "preparing";
  }

  /** A delivery of this root is staged, or its commit has begun. */
  has({ mapping: { id } }: DesiredRoot): boolean {
    return this.#deliveries.has(id);
  }

  /**
   * Stages what the candidate changes, one root after the other, and waits until all of it is staged.
   * @param begin begins to stage one root; `undefined` where there is nothing to stage
   * @param attempt does a part of the work for one root, and decides whether its failure ends the others
   */
  async prepare(
    begin: (root: DesiredRoot, snapshot: number) => Promise<RootDelivery | undefined>,
    attempt: (root: DesiredRoot, work: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    if (this.#candidate === undefined) return;
    const { conflict, roots, snapshot } = this.#candidate;
    if (conflict !== undefined) throw conflict;
    const staging: { readonly root: DesiredRoot; readonly staged: Promise<void> }[] = [];
    for (const root of roots) {
      await attempt(root, async () => {
        // The bytes of a root that another target writes are staged through that one.
        if (root.follows !== undefined || this.has(root)) return;
        const delivery = await begin(root, snapshot);
        if (delivery === undefined) return;
        const staged = this.#stage(delivery);
        staged.catch(() => undefined);
        staging.push({ root, staged });
      });
    }
    for (const { root, staged } of staging) await attempt(root, () => staged);
  }

  async #stage(delivery: RootDelivery): Promise<void> {
    const { id } = delivery.root.mapping;
    this.#deliveries.set(id, delivery);
    using _underWay = this.#underWay.begin(delivery.root, delivery);
    try {
      await delivery.staged();
    } catch (error) {
      if (this.#deliveries.get(id) === delivery) this.#deliveries.delete(id);
      await delivery[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Begins to commit what is staged of the desired state, all of it at once, and drops what is of neither the desired state nor the
   * candidate. The commits begin before this returns.
   */
  async settle(desired: DesiredState, peek: (mapping: ResolvedMapping) => Channel | undefined): Promise<void> {
    const outdated: string[] = [];
    for (const [id, delivery] of this.#deliveries) {
      const isOf = (state: DesiredState | undefined): boolean => {
        const root = state?.roots.find(({ mapping }) => mapping.id === id);
        return state !== undefined && root !== undefined && delivery.isFor(root, state.snapshot, peek(root.mapping));
      };
      if (isOf(desired)) void delivery.commit();
      else if (!isOf(this.#candidate)) outdated.push(id);
    }
    await Promise.all(outdated.map((id) => this.drop(id)));
  }

  /** Removes the delivery of a root of the desired state, whose commit has begun. The caller disposes of it. */
  take({ mapping: { id }, tree }: DesiredRoot, snapshot: number): RootDelivery | undefined {
    const delivery = this.#deliveries.get(id);
    if (delivery?.snapshot !== snapshot || delivery.root.tree.digest !== tree.digest) return undefined;
    this.#deliveries.delete(id);
    return delivery;
  }

  /** Drops what is staged of a root. */
  async drop(id: string): Promise<void> {
    const delivery = this.#deliveries.get(id);
    if (delivery === undefined) return;
    this.#deliveries.delete(id);
    this.revoke();
    await delivery[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#deliveries.keys()].map((id) => this.drop(id)));
  }
}

/** Both are the same bytes of the same snapshot, through the same targets. */
export function isSameCandidate(one: DesiredState | undefined, other: DesiredState | undefined): boolean {
  return one === other || (one?.snapshot === other?.snapshot && one?.key === other?.key);
}
