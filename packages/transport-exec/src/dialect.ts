import type { RootSpec } from "@kinsync/core/contract";
import type { CommitPlan } from "./commit-plan.ts";

/** Where a root really is in the container, as its agent told at the claim. */
export interface Place {
  /** Id of the claim that told it. */
  readonly claim: number;
  /** The root with every link resolved. */
  readonly root: string;
  /** This mapping's part of the state directory. */
  readonly state: string;
  /** Mount points below the root, absolute. */
  readonly mounts: readonly string[];
}

export interface StageRequest {
  readonly id: number;
  readonly place: Place;
  /** Name of the folder that the batch is staged in. */
  readonly name: string;
  readonly plan: CommitPlan;
  readonly inPlace: boolean;
  /** Journal lines before the first rename, and after the last delete. */
  readonly placed: string;
  readonly unplaced: string;
  /** What a journal that grew long comes to, to be put in its place. */
  readonly compacted?: string;
}

export interface CommitRequest extends StageRequest {
  /** Id of the stage request. */
  readonly stage: number;
  /** Text that the marker must contain: the session is still the owner. */
  readonly needle: string;
  /** The new marker. */
  readonly marker: string;
  /** None of its files was placed within the last seconds: what is there is older, unless the container wrote it. */
  readonly isQuiet: boolean;
  /** `compacted` is still what the journal comes to. */
  readonly compacts: boolean;
}

/** What an inventory is to tell: the asked paths, the same without digests, or everything below the root. */
export type Depth = "paths" | "types" | "list";

/** Looks at an archive as it leaves, and says something in between. */
export interface Along {
  take(chunk: Uint8Array): void;
  /** After a segment. Empty for nothing. */
  between(): string;
  rest(): string;
}

/** How requests are put for an agent. Answers are the same for all. */
export interface Dialect {
  /** `place`: of a root that must still be this session's. */
  ping(id: number, place: Place | undefined, needle: string): string;
  inventory(id: number, root: RootSpec, paths: readonly string[], depth: Depth): string;
  /** `name`: what the files of small batches are called while they are staged. */
  claim(id: number, root: RootSpec, name: string, marker: string): string;
  /** What comes before the segments of the archive, and what comes after them. */
  stage(request: StageRequest): string;
  afterStage(request: StageRequest, aborted: boolean, along: Along | undefined): string;
  /** What is sent between the segments. */
  readonly along?: (request: StageRequest) => Along | undefined;
  /** A single file goes without its archive around it. */
  readonly sendsContent?: (request: StageRequest) => boolean;
  /** Whether the end of the archive is to be told even where nothing is staged. */
  readonly needsEndOfArchive: boolean;
  /** For a few small files an archive may cost more than they are worth: what to send instead, given their bytes. */
  readonly stageFiles?: {
    fits(request: StageRequest): boolean;
    write(request: StageRequest, files: readonly Uint8Array[]): readonly (string | Uint8Array)[];
  };
  commit(request: CommitRequest): string;
  /**
   * For what people save most, a few small files: stage and commit in one request with one answer, where the commit was asked for
   * before the stage was sent.
   */
  readonly save?: {
    fits(request: StageRequest): boolean;
    write(request: CommitRequest, files: readonly Uint8Array[]): readonly (string | Uint8Array)[];
  };
  discard(id: number, place: Place, name: string): string;
  /** Whether names in records are written raw (a line can then not hold every name) or escaped. */
  readonly rawNames: boolean;
}
