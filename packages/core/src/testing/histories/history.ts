import type { MemberState } from "../../contract/state.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { applyChange, changeOf } from "../kinds/object-change.ts";

/** One event of a watch, as `kubectl get -w -o json --output-watch-events` prints it. */
export interface HistoryEvent {
  /** Milliseconds since the history began. */
  readonly at: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/** The true state of a workload at one moment, as the script that caused it states it. No change is in progress at that moment. */
export interface HistoryTruth {
  /** Milliseconds since the history began. All earlier events have arrived. */
  readonly at: number;
  readonly truth: {
    /** As on the command line: `sts/db`. */
    readonly workload: string;
    /** State of each member, by pod name. A pod without an entry is not a member. */
    readonly members: Readonly<Record<string, MemberState>>;
  };
  /** The root's status at that moment, with the counts of its controller. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Where a history comes from. The first line, if present. */
export interface HistoryOrigin {
  /** What happens in it, in one sentence. */
  readonly scenario: string;
  /** Version of the API server: `v1.34.2`. */
  readonly kubernetes?: string;
}

/** Watch events of a namespace in order of arrival, with the truth at some moments. */
export interface History {
  /** File name without its extension. */
  readonly name: string;
  readonly origin: HistoryOrigin | undefined;
  readonly lines: readonly (HistoryEvent | HistoryTruth)[];
  /** Every change of a member, one line each, as `describeChanges` returns them; `undefined` without a transcript file. */
  readonly transcript: readonly string[] | undefined;
}

export function isTruth(line: HistoryEvent | HistoryTruth): line is HistoryTruth {
  return "truth" in line;
}

/** The events of a history, without the truths. */
export function eventsOf(history: Pick<History, "lines">): readonly HistoryEvent[] {
  return history.lines.filter((line): line is HistoryEvent => !isTruth(line));
}

/** An event of an object that an earlier line contains: only the change. */
interface ChangeLine {
  readonly at: number;
  readonly type: "MODIFIED" | "DELETED";
  /** Kind and name, for people. */
  readonly of: string;
  readonly uid: string;
  /** JSON merge patch from the previous state of the object. */
  readonly change: Json;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Parses a history: one JSON value a line, each an event, a truth, or (the first) the origin. An event has its whole object, or
 * only the change, as `formatHistory` writes it.
 *
 * @param transcript lines of the transcript, if there is one
 * @throws Error with the line number if a line is none of these or time goes backwards; also if no line states a truth
 */
export function parseHistory(name: string, text: string, transcript?: string): History {
  let origin: HistoryOrigin | undefined;
  const lines: (HistoryEvent | HistoryTruth)[] = [];
  const objects = new Map<string, KubeObject>();
  for (const [at, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const where = `history ${name}, line ${at + 1}`;
    const value = parseLine(line, where);
    if (at === 0 && "scenario" in value) origin = value as unknown as HistoryOrigin;
    else lines.push(readLine(value, lines.at(-1)?.at ?? 0, objects, where));
  }
  if (!lines.some(isTruth)) throw new Error(`history ${name} states no truth, so it cannot be checked`);
  return { name, origin, lines, transcript: transcript?.split("\n").filter((line) => line !== "") };
}

/** The text that `parseHistory` parses. For an object that an earlier line contains, only the change is written. */
export function formatHistory({ origin, lines }: Pick<History, "origin" | "lines">): string {
  const objects = new Map<string, KubeObject>();
  const written = lines.map((line) => {
    if (isTruth(line)) return line;
    const { at, type, object } = line;
    const { uid, name } = object.metadata;
    const before = objects.get(uid);
    objects.set(uid, object);
    if (before === undefined || type === "ADDED") return line;
    const change = changeOf({ ...before }, { ...object });
    if (change === undefined) return line;
    return { at, type, of: `${object.kind} ${name}`, uid, change } satisfies ChangeLine;
  });
  return [...(origin === undefined ? [] : [origin]), ...written].map((line) => `${JSON.stringify(line)}\n`).join("");
}

function parseLine(line: string, where: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new Error(`${where} is not JSON`, { cause });
  }
  if (typeof value !== "object" || value === null) throw new Error(`${where} is not an object`);
  return value as Json;
}

function readLine(
  value: Json,
  after: number,
  objects: Map<string, KubeObject>,
  where: string,
): HistoryEvent | HistoryTruth {
  const line = value as Partial<HistoryEvent & HistoryTruth & Omit<ChangeLine, "type">>;
  const { at, type } = line;
  if (typeof at !== "number" || at < after)
    throw new Error(`${where}: "at" is not a number, or is less than in the line before`);
  if (line.truth !== undefined) {
    if (typeof line.truth.workload === "string" && typeof line.truth.members === "object") {
      return value as unknown as HistoryTruth;
    }
  } else if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") {
    const object = line.object ?? changedObject(line, objects, where);
    if (typeof object?.metadata.uid === "string") {
      objects.set(object.metadata.uid, object);
      return { at, type, object };
    }
  }
  throw new Error(`${where} is neither an event nor a truth`);
}

function changedObject(
  { uid = "", change }: Pick<Partial<ChangeLine>, "uid" | "change">,
  objects: ReadonlyMap<string, KubeObject>,
  where: string,
): KubeObject | undefined {
  if (change === undefined) return undefined;
  const before = objects.get(uid);
  if (before === undefined) throw new Error(`${where} changes an object that no earlier line contains: ${uid}`);
  return applyChange({ ...before }, change) as unknown as KubeObject;
}
