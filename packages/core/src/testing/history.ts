import type { MemberState } from "../contract/kind.ts";
import type { KubeObject } from "../contract/resource.ts";

/** One event of a watch, as `kubectl get -w -o json --output-watch-events` prints it. */
export interface HistoryEvent {
  /** Milliseconds since the history began. */
  readonly at: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/** What is known of a workload at one moment: by whoever made it so, not by any rule. Nothing is on its way at that moment. */
export interface HistoryTruth {
  /** Milliseconds since the history began. Everything before this line has arrived. */
  readonly at: number;
  readonly truth: {
    /** As on the command line: `sts/db`. */
    readonly workload: string;
    /** State of each member, by the name of its pod; who is not named is no member. */
    readonly members: Readonly<Record<string, MemberState>>;
  };
  /** The root's status at that moment: what its controller counts. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Where a history comes from. The first line, where there is one. */
export interface HistoryOrigin {
  /** What happens in it, in words. */
  readonly situation: string;
  /** Version of the API server: `v1.34.2`. */
  readonly kubernetes?: string;
}

/** Objects of a namespace as they came and went, in order of arrival, and the truth at some moments. */
export interface History {
  /** Name of its file, without the ending. */
  readonly name: string;
  readonly origin: HistoryOrigin | undefined;
  readonly lines: readonly (HistoryEvent | HistoryTruth)[];
  /** Every change of a member, line by line as `describeChanges` tells them, where they are written down. */
  readonly transcript: readonly string[] | undefined;
}

export function isTruth(line: HistoryEvent | HistoryTruth): line is HistoryTruth {
  return "truth" in line;
}

/** The events of a history, without the truths. */
export function eventsOf(history: Pick<History, "lines">): readonly HistoryEvent[] {
  return history.lines.filter((line): line is HistoryEvent => !isTruth(line));
}

/**
 * Reads a history: one JSON value a line, each an event, a truth, or (the first) the origin.
 *
 * @param transcript lines of the transcript, where there is one
 * @throws Error with the line's number where a line is none of these, or time goes backwards; and where no line states a truth
 */
export function parseHistory(name: string, text: string, transcript?: string): History {
  let origin: HistoryOrigin | undefined;
  const lines: (HistoryEvent | HistoryTruth)[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const where = `history ${name}, line ${at + 1}`;
    const value = parseLine(line, where);
    if (at === 0 && "situation" in value) origin = value as unknown as HistoryOrigin;
    else lines.push(readLine(value, lines.at(-1)?.at ?? 0, where));
  }
  if (!lines.some(isTruth)) throw new Error(`history ${name} states no truth, so it proves nothing`);
  return { name, origin, lines, transcript: transcript?.split("\n").filter((line) => line !== "") };
}

/** The text that `parseHistory` reads. */
export function formatHistory({ origin, lines }: Pick<History, "origin" | "lines">): string {
  return [...(origin === undefined ? [] : [origin]), ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

function parseLine(line: string, where: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new Error(`${where} is no JSON`, { cause });
  }
  if (typeof value !== "object" || value === null) throw new Error(`${where} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

function readLine(value: Readonly<Record<string, unknown>>, after: number, where: string): HistoryEvent | HistoryTruth {
  const { at } = value;
  if (typeof at !== "number" || at < after) throw new Error(`${where}: "at" is no number, or before the line above it`);
  const line = value as unknown as Partial<HistoryEvent & HistoryTruth>;
  const isWhole =
    line.truth === undefined
      ? typeof line.object?.metadata.uid === "string" && ["ADDED", "MODIFIED", "DELETED"].includes(line.type ?? "")
      : typeof line.truth.workload === "string" && typeof line.truth.members === "object";
  if (!isWhole) throw new Error(`${where} is neither an event nor a truth`);
  return value as unknown as HistoryEvent | HistoryTruth;
}
