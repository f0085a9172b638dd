import { isSourceError, isKinsyncError, type KinsyncError } from "../../errors/error.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { isInTheWay } from "../plan/division.ts";
import { Beside } from "./beside.ts";
import type { DeliveryStats } from "./deliver.ts";
import type { DesiredRoot } from "./desired-state.ts";
import type { RootDelivery } from "./root-delivery.ts";

const OUTDATED = new DOMException("another snapshot does not need these files", "AbortError");

/** What deliveries changed in a root since it last held a tree. */
export interface DeliveredParts {
  readonly stats: DeliveryStats;
  readonly changed: readonly string[];
}

/** The deliveries of large files to one target. Everything else of their roots is delivered by the passes, before and meanwhile. */
export class LargeFiles {
  readonly #beside: Beside;
  /** Paths that are on their way, by the id of their mapping. */
  readonly #paths = new Map<string, ReadonlySet<string>>();
  readonly #parts = new Map<string, DeliveredParts>();
  /** Digest of the tree that a root holds once its large files have arrived, by the id of its mapping. */
  readonly #trees = new Map<string, string>();

  /** @param onEnd called after each end, so that another pass compares again */
  constructor(onEnd: () => void) {
    this.#beside = new Beside(onEnd);
  }

  get isRunning(): boolean {
    return this.#beside.isRunning;
  }

  /** Everything of the root's tree has been delivered, but for large files that are on their way or about to be. */
  onlyLargeLeft({ mapping: { id }, tree }: DesiredRoot): void {
    this.#trees.set(id, tree.digest);
  }

  /** Nothing is left to do for the root's tree until the delivery of its large files ends. */
  isAwaited(root: DesiredRoot): boolean {
    return this.#beside.isRunningTo(root) && this.#trees.get(root.mapping.id) === root.tree.digest;
  }

  /** Starts a delivery, unless one to this root is running. */
  start(
    root: DesiredRoot,
    { later }: Pick<RootDelivery, "later">,
    deliver: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): void {
    if (this.#beside.isRunningTo(root)) return;
    this.#paths.set(root.mapping.id, new Set(later.map(({ path }) => path)));
    this.#beside.start(root, deliver, signal);
  }

  /** Ends the deliveries to these mappings. Default: to all. */
  async stop(reason: Error, isMeant?: (mapping: ResolvedMapping) => boolean): Promise<void> {
    await this.#beside.stop(reason, isMeant);
  }

  /**
   * Ends the delivery to a root that another one makes impossible or needless.
   * @param delivery what follows it; `undefined`: nothing of it is needed
   */
  async stopOutdated(root: DesiredRoot, delivery?: Pick<RootDelivery, "entries" | "later">): Promise<void> {
    if (!this.#beside.isRunningTo(root)) return;
    const paths = this.#paths.get(root.mapping.id) ?? new Set();
    const isNeeded = delivery?.later.some(({ path }) => paths.has(path)) === true;
    if (isNeeded && !isInTheWay(delivery?.entries ?? [], paths)) return;
    await this.#beside.stop(OUTDATED, (mapping) => mapping === root.mapping);
  }

  /** How the last delivery to one of these roots failed if its session cannot be relied on any more, once. */
  takeSessionFailure(roots: readonly DesiredRoot[]): { root: DesiredRoot; error: KinsyncError } | undefined {
    for (const root of roots) {
      const error = this.#beside.takeFailure(root, isSuspicious);
      if (error !== undefined) return { root, error };
    }
    return undefined;
  }

  /** How the last delivery to this root failed, once. */
  takeFailure(root: DesiredRoot): KinsyncError | undefined {
    return this.#beside.takeFailure(root);
  }

  forgetFailures(): void {
    this.#beside.forgetFailures();
  }

  /** A part of what a snapshot changes in a root was delivered. */
  addPart(root: DesiredRoot, part: DeliveredParts): void {
    this.#parts.set(root.mapping.id, this.#withParts(root, part));
  }

  /** The last part, with all before it. */
  takeParts(root: DesiredRoot, last: DeliveredParts): DeliveredParts {
    const all = this.#withParts(root, last);
    this.#parts.delete(root.mapping.id);
    return all;
  }

  /** These parts were delivered in a session whose end is not known to be the end of them. */
  forgetParts(root: DesiredRoot): void {
    this.#parts.delete(root.mapping.id);
  }

  #withParts({ mapping: { id } }: DesiredRoot, { stats, changed }: DeliveredParts): DeliveredParts {
    const before = this.#parts.get(id);
    if (before === undefined) return { stats, changed };
    return {
      stats: {
        files: before.stats.files + stats.files,
        deleted: before.stats.deleted + stats.deleted,
        bytes: before.stats.bytes + stats.bytes,
      },
      changed: [...new Set([...before.changed, ...changed])],
    };
  }
}

/** The session with which something failed may no longer be in the state that kinsync knows. */
export function isSuspicious(error: unknown): boolean {
  return !isSourceError(error) && !(isKinsyncError(error) && error.retry === "terminal");
}
