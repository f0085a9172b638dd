import type { HostedSession } from "../../contract/session.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import type { DesiredRoot, DesiredState } from "./desired-state.ts";
import type { TargetStatus } from "./status.ts";
import type { WorkerListener } from "./worker-options.ts";

/** Milliseconds between two looks for the leader's marker, and how many there are: a network file system may show it late. */
const LOOK_EVERY_MS = 500;
const MAX_LOOKS = 6;

/** What a target shows while it waits for another target's commit. */
export interface Pending {
  readonly status: TargetStatus;
  readonly reason: string;
  readonly error: KinsyncError | undefined;
}

interface Checked {
  /** The target sees the leader's marker. */
  isShared: boolean;
  epoch: number;
  looks: number;
  /** Digest of the tree that was last reported. */
  held: string | undefined;
  /** Where the leader only hands its files over: what is known of this target's own view of them. */
  view: View | undefined;
}

/**
 * Whether a tree that the leader handed over is visible in this target. `unknown`: the transport cannot know it. `as-leader`: the transport
 * reports it of the target that commits only.
 */
interface View {
  readonly tree: string;
  state: "waiting" | "seen" | "unknown" | "as-leader";
}

/** What the worker does when a view is settled. */
export interface ViewListener {
  onSeen(): void;
  onFailed(error: unknown): Promise<void>;
}

/**
 * The mapped roots of a target that another target writes. Nothing is sent through this target's session but one question for each root:
 * whether the other's marker is visible. The pod's spec alone does not prove that two containers have the same bytes: a hostPath claim
 * is another folder on each node, and a link in the container may lead out of the volume.
 */
export class Followers {
  readonly #runId: string;
  readonly #listener: Pick<WorkerListener, "onSynced" | "onShared" | "onApart">;
  readonly #startedAt: number;
  /** By mapping and place. */
  readonly #checked = new Map<string, Checked>();

  /** @param startedAt `performance.now()` of the moment in which the worker began */
  constructor(runId: string, listener: Pick<WorkerListener, "onSynced" | "onShared" | "onApart">, startedAt: number) {
    this.#runId = runId;
    this.#listener = listener;
    this.#startedAt = startedAt;
  }

  /** The target wrote this root itself. That proves nothing about what other targets see. */
  delivered(root: DesiredRoot): void {
    if (root.place !== undefined) this.#known(root).held = root.tree.digest;
  }

  /**
   * Reports that a root holds its tree, once the leader's marker was seen here.
   * @returns milliseconds until the next look, where the marker was not seen yet
   */
  async check(
    root: DesiredRoot,
    session: HostedSession,
    { snapshot, signal }: { readonly snapshot: number; readonly signal: AbortSignal },
  ): Promise<number | undefined> {
    const { follows, spec, tree } = root;
    if (follows === undefined || follows.held !== tree.digest) return undefined;
    const known = this.#known(root);
    if (!known.isShared) {
      if (follows.incarnation === undefined) return undefined;
      const { marker } = await session.inventory(spec, { paths: [], signal });
      known.looks += 1;
      known.isShared = marker?.runId === this.#runId && marker.incarnation === follows.incarnation;
      if (!known.isShared) {
        if (known.looks < MAX_LOOKS) return LOOK_EVERY_MS;
        this.#checked.delete(keyOf(root));
        this.#listener.onApart(root);
        return undefined;
      }
      this.#listener.onShared(root);
    }
    if (known.held === tree.digest) return undefined;
    const duration = performance.now() - Math.max(root.settledAt, known.held === undefined ? this.#startedAt : 0);
    known.held = tree.digest;
    this.#listener.onSynced(root, snapshot, { files: 0, deleted: 0, bytes: 0 }, duration);
    return undefined;
  }

  /**
   * For transports that hand files over: finds out when the leader's files are visible in this target.
   * @param options `signal` ends the wait; so does the end of the session
   */
  watchView(
    root: DesiredRoot,
    session: Pick<HostedSession, "seen">,
    listener: ViewListener,
    { signal }: { readonly signal: AbortSignal },
  ): void {
    const known = this.#known(root);
    const tree = root.tree.digest;
    if (root.follows?.held !== tree || !known.isShared || known.view?.tree === tree) return;
    const view: View = { tree, state: "waiting" };
    known.view = view;
    void this.#settle(known, view, session.seen(root.spec, { tree, signal }), listener);
  }

  async #settle(known: Checked, view: View, seen: Promise<boolean>, listener: ViewListener): Promise<void> {
    try {
      view.state = (await seen) ? "seen" : "unknown";
    } catch (error) {
      // Another tree is looked for by now.
      if (known.view !== view) return;
      if (!isKinsyncError(error) || error.code !== "KINSYNC_TRANSPORT_CANNOT") {
        known.view = undefined;
        await listener.onFailed(error);
        return;
      }
      view.state = "as-leader";
    }
    listener.onSeen();
  }

  /** It is not known yet whether files are visible here, and will be. */
  get isWaiting(): boolean {
    for (const { view } of this.#checked.values()) if (view?.state === "waiting") return true;
    return false;
  }

  #known(root: DesiredRoot): Checked {
    const key = keyOf(root);
    let known = this.#checked.get(key);
    if (known === undefined)
      this.#checked.set(key, (known = { isShared: false, epoch: 0, looks: 0, held: undefined, view: undefined }));
    const { follows } = root;
    if (follows === undefined) return known;
    if (follows.epoch !== known.epoch) Object.assign(known, { isShared: false, epoch: follows.epoch, looks: 0 });
    if (follows.isSure) known.isShared = true;
    return known;
  }

  /** The first root that does not hold its tree yet, as a status of the target; `undefined` where every root does. */
  pending(desired: DesiredState): Pending | undefined {
    let accepted: Pending | undefined;
    for (const root of desired.roots) {
      const { follows, tree } = root;
      if (follows === undefined) continue;
      const { leader, problem } = follows;
      if (follows.held === tree.digest && this.#known(root).isShared) {
        const view = this.#known(root).view;
        if (view?.tree === tree.digest && view.state !== "as-leader") {
          if (view.state !== "seen")
            accepted = { status: "accepted", reason: reasonOf(view, leader), error: undefined };
          continue;
        }
        if (problem?.status !== "accepted") continue;
        accepted = {
          status: "accepted",
          reason: `shares its files with ${leader}: ${problem.reason}`,
          error: undefined,
        };
        continue;
      }
      if (problem === undefined || problem.status === "accepted") {
        const reason = `to snapshot ${desired.snapshot}, through ${leader}`;
        return { status: "syncing", reason, error: undefined };
      }
      const reason = `shares its files with ${leader}, which is ${problem.status}: ${problem.reason}`;
      return { status: problem.status, reason, error: errorOf(reason, problem.error) };
    }
    return accepted;
  }
}

function reasonOf({ state }: View, leader: string): string {
  return state === "waiting"
    ? `handed over by ${leader}; the files are not visible in this container yet`
    : `handed over by ${leader}; it cannot be known when the files are visible in this container`;
}

function keyOf({ mapping, place }: DesiredRoot): string {
  return `${mapping.id}\0${place ?? ""}`;
}

/** The leader's failure as this target's own. */
function errorOf(message: string, cause: KinsyncError | undefined): KinsyncError | undefined {
  if (cause === undefined) return undefined;
  const { code, hint, retry, details } = cause;
  return new KinsyncError(code, message, { hint, retry, details, cause });
}
