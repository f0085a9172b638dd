import { isAbsolute } from "node:path";
import type {
  BeforeState,
  Dismissed,
  EngineEvent,
  GangState,
  LocalRunView,
  Released,
  TargetView,
  UnreadPaths,
  WorkloadHistory,
} from "@kinsync/core";
import type { ErrorCode } from "@kinsync/core/contract";

/**
 * What a running `kinsync up` answers on its socket: JSON, one value a line. The run greets first. Each request has an `id`, and its answer has
 * the same one; answers may come in another order than their requests. Fields may be added within one version. docs/reference/control.md
 * describes it.
 */
export const CONTROL_VERSION = 1;

/** The first line, from the run. */
export interface Greeting {
  readonly kinsync: "control";
  readonly version: number;
  readonly run: string;
  readonly pid: number;
  /** Where the run was started. */
  readonly folder: string;
  readonly context: string;
  /** ISO 8601. */
  readonly since: string;
  readonly workloads: readonly { readonly workload: string; readonly namespace: string }[];
}

/** Default of `workload` and `namespace`: all of the run. */
export interface Selection {
  readonly workload?: string;
  readonly namespace?: string;
}

export type Command =
  | ({ readonly command: "status" } & Selection)
  | ({ readonly command: "history" } & Selection)
  | ({ readonly command: "pause" } & Selection)
  | ({ readonly command: "resume" } & Selection)
  | ({ readonly command: "dismiss" } & Selection)
  /** `files`: absolute local paths. Default: all changes. */
  | ({ readonly command: "trigger"; readonly files?: readonly string[] } & Selection)
  /** `to`: number of a released snapshot. Default: the one before. */
  | ({ readonly command: "undo"; readonly to?: number } & Selection)
  /** `snapshot`: default `latest`, which is read from the local files at this moment. `timeout`: milliseconds. Default: 60,000. */
  | ({ readonly command: "wait"; readonly snapshot?: number | "latest"; readonly timeout?: number } & Selection)
  /** All events of the run from now on, as answers of the form `{ id, event }`. */
  | { readonly command: "events" };

export type Request = Command & { readonly id: number | string };

export type Answer =
  | { readonly id: number | string; readonly result: unknown }
  | { readonly id: number | string | null; readonly error: ControlError }
  | { readonly id: number | string; readonly event: EngineEvent | DroppedEvent };

export interface ControlError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** Events that a reader was too slow for. */
export interface DroppedEvent {
  readonly event: "dropped";
  readonly count: number;
}

/** One workload, as `status` answers it. */
export interface WorkloadStatus {
  readonly workload: string;
  readonly namespace: string;
  /** Number of the released snapshot; 0 before the first. */
  readonly snapshot: number;
  /** Number of the newest snapshot, where a gang has not released it, or not yet. Missing: it is `snapshot`. */
  readonly newest?: number;
  /** How far the gang is with the newest snapshot. Missing: every member holds it, or the workload is not a gang. */
  readonly gang?: GangState;
  /** Why newer local files are not released by themselves: `manual`, `paused`, `undone`. */
  readonly held?: string;
  /** Local changes that are not released. */
  readonly pending?: { readonly changed: number; readonly paths: readonly string[] };
  /** `hooks.before` runs for the newest local files, or failed: they are not released. */
  readonly before?: BeforeState;
  /** `hooks.after` and `rebuild` on this machine: what is due, runs or failed. Missing: nothing. */
  readonly local?: readonly LocalRunView[];
  /** Mapped local paths that cannot be read: no container has their newest content. Missing: none. */
  readonly unread?: UnreadPaths;
  readonly targets: readonly TargetView[];
}

/** What each command answers. */
export interface Results {
  readonly status: { readonly workloads: readonly WorkloadStatus[] };
  readonly history: { readonly workloads: readonly WorkloadHistory[] };
  readonly trigger: { readonly released: readonly Released[] };
  readonly undo: { readonly released: readonly Released[] };
  readonly pause: { readonly workloads: readonly WorkloadStatus[] };
  readonly resume: { readonly workloads: readonly WorkloadStatus[] };
  readonly dismiss: { readonly dismissed: readonly Dismissed[] };
  readonly wait: WaitResult;
}

export interface WaitResult {
  /** Every target holds the snapshot, and the commands that follow it have succeeded, in the targets and on this machine. */
  readonly reached: boolean;
  /**
   * Why not. `failed`: a target needs the user, or a command failed. `given-up`: by a gang. `unreleased`: the local files of now wait, or `hooks.before` failed. `unread`: `latest` is meant, and
   * some of the local files cannot be read.
   */
  readonly why?: "timeout" | "failed" | "given-up" | "no-targets" | "unreleased" | "unread";
  readonly workloads: readonly (WorkloadStatus & {
    /** Number of the snapshot that `wait` is for; 0: the local files of now have none, since they are not released. */
    readonly wanted: number;
  })[];
}

const COMMANDS = ["status", "history", "pause", "resume", "dismiss", "trigger", "undo", "wait", "events"] as const;

/** Reads a request. @returns what is wrong with it, where it is none */
export function parseRequest(line: string): Request | { readonly id: number | string | null; readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { id: null, wrong: "a request is one line of JSON" };
  }
  if (typeof value !== "object" || value === null) return { id: null, wrong: "a request is an object" };
  const request = value as Record<string, unknown>;
  const { id } = request;
  if (typeof id !== "string" && (typeof id !== "number" || !Number.isFinite(id)))
    return { id: null, wrong: "`id` must be a number or a string" };
  const wrong = COMMANDS.includes(request["command"] as (typeof COMMANDS)[number])
    ? wrongField(request)
    : `\`command\` must be one of ${COMMANDS.join(", ")}`;
  return wrong === undefined ? (request as unknown as Request) : { id, wrong };
}

const isText = (value: unknown): boolean => typeof value === "string";
const isPath = (value: unknown): boolean => typeof value === "string" && isAbsolute(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Optional fields, and what each must be. */
const FIELDS: Readonly<Record<string, readonly [is: (value: unknown) => boolean, what: string]>> = {
  workload: [isText, "a string"],
  namespace: [isText, "a string"],
  files: [(value) => Array.isArray(value) && value.every(isPath), "a list of absolute paths"],
  to: [isCount, "a whole number"],
  snapshot: [(value) => value === "latest" || isCount(value), '"latest" or a whole number'],
  timeout: [isCount, "whole milliseconds"],
};

function wrongField(request: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, [is, what]] of Object.entries(FIELDS)) {
    if (request[name] !== undefined && !is(request[name])) return `\`${name}\` must be ${what}`;
  }
  return undefined;
}
