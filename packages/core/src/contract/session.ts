import type { RunResult } from "./action.ts";
import type { Batch, RootSpec } from "./batch.ts";
import type { Inventory } from "./inventory.ts";
import type { PullOptions } from "./pull.ts";

/** A batch in transfer. `ready` settles when the container has staged and verified all of it, or rejects with the failure. */
export interface Stage {
  /** Settles when all of it is staged and verified; rejects with the failure. */
  readonly ready: Promise<void>;
}

/** Acknowledgement that a batch was applied (`acknowledges: "seen"`) or handed over (`"accepted"`). */
export interface Receipt {
  /** As in the batch. */
  readonly snapshot: number;
  /** As in the batch. */
  readonly tree: string;
  /** Entries that were applied. */
  readonly count: number;
  /**
   * Only from transports that acknowledge `accepted`: resolves when the files are visible in the container, rejects when they cannot
   * become visible. Without it kinsync does not learn when they do. kinsync stops waiting at a time limit and when the session ends.
   */
  readonly seen?: Promise<void>;
  /** What could not be set of the files although their content is right. One note for each code is enough. */
  readonly notes?: readonly ReceiptNote[];
}

/** Something of a batch that the target cannot have: a mode, an owner, a time. It is neither a failure nor a difference. */
export interface ReceiptNote {
  /** Short and stable, such as `mode`, `owner` or `time`. kinsync shows the first note of each code and target. */
  readonly code: string;
  /** The path that it was seen at, relative to the root. */
  readonly path?: string;
  /** For people: what could not be set, where and why. */
  readonly message: string;
}

/** Why a session runs on its agent. */
export interface AgentChoice {
  /** For people, in a few words: `node: 40 MB do not fit into the 12 MB left of the memory limit; took sh`. */
  readonly reason: string;
  /** All agents that the transport has, the preferred one first. */
  readonly candidates: readonly AgentCandidate[];
}

/** What became of one agent that a session could have run on. */
export interface AgentCandidate {
  /** Its name, as in `SessionFacts.agent`. */
  readonly agent: string;
  /**
   * `chosen`; `missing`: the container lacks a program; `memory`: it does not fit beside what runs there; `slow`: it took longer to
   * start than it would save; `broken`: it failed or did not answer; `untried`: another one is preferred, or the options leave it out.
   */
  readonly verdict: "chosen" | "missing" | "memory" | "slow" | "broken" | "untried";
  /** For people, without the name of the agent. */
  readonly reason: string;
  /** Milliseconds from its start to its first line, if it was started. */
  readonly startMs?: number;
}

/** What a session reports about the container when it opens. */
export interface SessionFacts {
  /** What runs on the container's side, for people: `python3`, `node`, `sh`, or a name of the transport's own. */
  readonly agent: string;
  /** Why this agent; missing where the transport has no choice. */
  readonly choice?: AgentChoice;
  /** Changes whenever the container restarts. */
  readonly incarnation: string;
  /** The container's working directory; missing where the transport cannot tell. */
  readonly workingDirectory?: string;
}

/** Why a session ended. */
export interface SessionEnd {
  /**
   * `closed`: kinsync closed it. `lost`: the connection broke; kinsync opens another session. `gone`: the container no longer exists.
   * `taken`: another run claimed the root.
   */
  readonly why: "closed" | "lost" | "gone" | "taken";
  /** Why it was lost. */
  readonly error?: Error;
}

/**
 * One open channel to one target, kept between batches. A caller may issue calls without awaiting earlier ones; the session executes
 * them in order. Every call settles: with the container's answer, with an error, when its signal aborts, or at the transport's own time
 * limit. An error with `retry: "terminal"` leaves the session usable, and so does an error that `archive.chunks` throws where the
 * transport can drop a transfer halfway; any other error ends the session.
 */
export interface Session extends AsyncDisposable {
  /** What is known of the container. */
  readonly facts: SessionFacts;
  /** Settles once; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** Reads what the root holds. Writes nothing, and never follows a link below the root. */
  inventory(
    root: RootSpec,
    options: { readonly paths: readonly string[]; readonly list?: boolean; readonly signal: AbortSignal },
  ): Promise<Inventory>;
  /**
   * Claims ownership of the mapped root. Commits from any previous owner then fail with `KINSYNC_TARGET_TAKEN`.
   * Creates the root and its state directory where missing. Rejects where the root cannot be written.
   */
  claim(
    root: RootSpec,
    options: {
      readonly snapshot: number;
      readonly tree: string;
      /** For the marker, as in `Batch.owed`. */
      readonly owed?: readonly string[];
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
  /**
   * Starts to transfer a batch. Nothing under the root changes before `commit`. kinsync calls it for a root that holds nothing while the claim
   * is under way; if that claim fails, the stage fails, too.
   */
  stage(batch: Batch, options: { readonly signal: AbortSignal }): Stage;
  /**
   * Applies a staged batch. A caller may commit before the stage is ready; the container then commits only if it verified the stage.
   * Otherwise rejects with the failure of the stage.
   */
  commit(stage: Stage, options: { readonly signal: AbortSignal }): Promise<Receipt>;
  /**
   * Only from transports that acknowledge `accepted` and have places: another target of the place committed this tree. Resolves to `true`
   * when it is visible in this target's container, to `false` where the transport cannot know that, and rejects where it cannot become
   * visible. Since contract 2.2. Optional: without it, the files count as visible here when they are visible in the target that committed.
   */
  seen?(root: RootSpec, options: { readonly tree: string; readonly signal: AbortSignal }): Promise<boolean>;
  /** Drops a stage. Optional: without it, an uncommitted stage stays until the session ends. */
  discard?(stage: Stage): Promise<void>;
  /**
   * Removes what the transport keeps in the container for a root that this session claimed: its part of the state directory, and the
   * directory itself where nothing else is in it. The mapped files stay. Rejects with `KINSYNC_TARGET_TAKEN` if another run owns the root
   * by now. Optional: without it, the state stays.
   */
  release?(root: RootSpec, options: { readonly signal: AbortSignal }): Promise<void>;
  /**
   * Runs a command in the container, in its working directory. Rejects only where the command could not be started or watched.
   * Optional: required where the transport claims the capability `run`.
   */
  run?(
    command: readonly string[] | string,
    options: { readonly timeout: number; readonly signal: AbortSignal; readonly onOutput?: (text: string) => void },
  ): Promise<RunResult>;
  /**
   * Lists what is at and below a path of the container, and sends files of it. Writes nothing, needs no claim, and follows no link but
   * `path` itself. Rejects with `KINSYNC_PULL_PATH` where the path does not exist, cannot be read, or is neither a folder nor a file, and
   * with what `choose` and `take` reject with. May run beside batches. Since contract 2.3. Optional: required where the transport claims
   * the capability `pull`.
   * @param path absolute, or relative to the container's working directory
   */
  pull?(path: string, options: PullOptions): Promise<void>;
  /** Proves that the container's side is alive. Milliseconds of the round trip. Optional. */
  ping?(options: { readonly signal: AbortSignal }): Promise<number>;
}

/** A session as kinsync's host gives it to the engine: every method exists. One that the transport lacks rejects with `KINSYNC_TRANSPORT_CANNOT`. */
export type HostedSession = Required<Session>;
