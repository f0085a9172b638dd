import type { RootSpec } from "@kinsync/core/contract";
import type { CommitPlan } from "../commit/commit-plan.ts";
import type { RequestText } from "./request-text.ts";
import type { StreamingChecksums } from "./streaming-checksums.ts";

/**
 * Characters of the part of a marker that commits change: the largest snapshot number, a digest and a time. The sh agent pads to this length,
 * so that it can write a marker over the one before; a longer part comes with its own blanks.
 */
export const MARKER_TAIL_CHARACTERS = 136;

/** ID of the first request of a session; each later one counts up. */
export const FIRST_REQUEST_ID = 1;

/** Location of a mapped root in the container, as its agent reported it for a claim. */
export interface RootLocation {
  /** ID of the claim request that returned it. */
  readonly claim: number;
  /** The root, with every link resolved. */
  readonly root: string;
  /** This mapping's folder in the state directory. */
  readonly state: string;
  /** Mount points below the root, absolute. */
  readonly mounts: readonly string[];
  /** Digests of files of which the agent kept what had arrived when a transfer of this run broke. */
  readonly kept: readonly string[];
}

/** Files whose sums are requested. */
export interface SignatureRequest {
  readonly id: number;
  readonly location: RootLocation;
  /** Path of the file that is there; `undefined` if its sums are not needed. */
  readonly path: string | undefined;
  /** Digest of the file of which a part was kept; `undefined` likewise. */
  readonly kept: string | undefined;
  readonly blockBytes: number;
}

export interface StageRequest {
  readonly id: number;
  readonly location: RootLocation;
  /**
   * True if the batch is sent before its claim is answered: what depends on more of the location than the claim follows the archive.
   * Default: `false`.
   */
  readonly isLocatedLater?: boolean;
  /** Name of the folder that the batch is staged in. */
  readonly name: string;
  readonly plan: CommitPlan;
  readonly inPlace: boolean;
  /** True if the archive and the long texts around it are sent compressed. Default: `false`. */
  readonly isCompressed?: boolean;
  /** Paths of files that the archive has as patches of those that are there. Default: none. */
  readonly patched?: ReadonlySet<string>;
  /** Journal lines that are appended before the first rename. */
  readonly placed: string;
  /** Journal lines that are appended after the last delete. */
  readonly unplaced: string;
  /** Short form of a journal that grew long; the commit replaces the journal with it. */
  readonly compacted?: string;
}

export interface CommitRequest extends StageRequest {
  /** ID of the stage request. */
  readonly stage: number;
  /** Text that the marker in the container must contain. It proves that this session still owns the root. */
  readonly needle: string;
  /** The new marker. */
  readonly marker: string;
  /** True if this session replaced none of the batch's files during the last seconds; their modification times are then older. */
  readonly isQuiet: boolean;
  /** True if `compacted` is still the short form of the journal. */
  readonly compacts: boolean;
  /** True if staging took so long that the files' modification times are too old for a build that ran meanwhile. */
  readonly isStale: boolean;
  /**
   * True if it was requested after the batch was staged, and is the last such one of the session: other containers, which may share processors with this one, commit at the same
   * moment. What follows the changes may wait until they have changed, too.
   */
  readonly isJoint: boolean;
}

/** What an inventory covers: the requested paths with digests, the same without digests, or everything below the root. */
export type Depth = "paths" | "types" | "list";

/**
 * Commits of batches that were staged long before. Other containers, which may share processors with this one, commit at the same moment:
 * what need not happen then happens before or after.
 */
export interface AheadProtocol {
  /** What the commit will say, but for its ID, its time, and what only that moment tells. Sent after the stage, and not answered. */
  prepare(request: Omit<CommitRequest, "isQuiet" | "isStale" | "isJoint">): string;
  /** A commit that was prepared. It leaves its stage. */
  commit(request: CommitRequest): string;
  /** Removes what a commit left of its stage. Not answered. */
  removeStage(location: RootLocation, name: string): string;
  /** A stage that was prepared will not be committed. @param stage ID of the stage request. Not answered */
  forget(stage: number): string;
}

/** Encodes requests for one family of agents. The format of responses is the same for all agents (`answers.ts`). */
export interface AgentProtocol {
  /** @param location of a root that this session must still own; `undefined` to check only that the agent is alive */
  ping(id: number, location: RootLocation | undefined, needle: string): string;
  inventory(id: number, root: RootSpec, paths: readonly string[], depth: Depth): string;
  /** Requests the sums of the blocks of a file. Default: the agent computes none. */
  readonly signature?: (request: SignatureRequest) => string;
  /**
   * @param name of the staged files of small batches
   * @param run what identifies the run in names of files
   */
  claim(id: number, root: RootSpec, name: string, marker: string, run: string): string;
  /** Text before the segments of the archive. */
  stage(request: StageRequest): RequestText;
  /** Text after the segments of the archive. */
  afterStage(request: StageRequest, aborted: boolean, checksums: StreamingChecksums | undefined): RequestText;
  /** Checksum lists that are sent between the segments. */
  readonly checksums?: (request: StageRequest) => StreamingChecksums | undefined;
  /** True if the batch's only file is sent without an archive. */
  readonly sendsContent?: (request: StageRequest) => boolean;
  /** True if the agent expects the end of an archive for a batch that stages nothing, too. */
  readonly needsEndOfArchive: boolean;
  /** Stages a few small files without an archive, which costs the container fewer processes. */
  readonly stageFiles?: {
    fits(request: StageRequest): boolean;
    write(request: StageRequest, files: readonly Uint8Array[]): RequestText;
  };
  commit(request: CommitRequest): RequestText;
  /** Batches of a few small files that wait for other containers. Default: they are committed as others are. */
  readonly ahead?: AheadProtocol;
  /** Stages and commits a few small files in one request. Used where the commit was requested before the stage was sent. */
  readonly save?: {
    fits(request: StageRequest): boolean;
    write(request: CommitRequest, files: readonly Uint8Array[]): RequestText;
  };
  discard(id: number, location: RootLocation, name: string): string;
  /** True if names in the records `s`, `n` and `D` are raw. Such a record cannot hold a name with a newline. False if names are escaped. */
  readonly rawNames: boolean;
}
