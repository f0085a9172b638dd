import type { EngineView } from "@kinsync/core";
import { RANKS, problemsOf, type FailedRun, type Problem } from "./causes.ts";
import type { Paint } from "./color.ts";
import { pad, shorten, widthOf, wrap } from "./fit.ts";
import { formatMemberRows } from "./member-rows.ts";
import { statusWord } from "./status.ts";
import { count } from "./units.ts";
import { formatWorkloads } from "./workload-line.ts";

type WorkloadView = EngineView["workloads"][number];

/** `attention`: targets that need it; `all`: every member; `failed`: workloads with problems alone. */
export type RowsShown = "attention" | "all" | "failed";

export interface ScreenOptions {
  readonly paint: Paint;
  readonly width: number;
  /** Rows of the terminal that the screen may take; `undefined`: as many as it needs. */
  readonly height: number | undefined;
  readonly rows: RowsShown;
  /** First line that is shown where not all fit: `all` and `failed` can be scrolled. */
  readonly offset: number;
  readonly latency: (workload: WorkloadView) => number | undefined;
  readonly failedRuns: (workload: WorkloadView) => readonly FailedRun[];
  /** What to press to take a target back from another kinsync; empty without keys. */
  readonly reclaim: string;
}

export interface Screen {
  readonly lines: readonly string[];
  /** The largest offset that shows anything new. */
  readonly lastOffset: number;
}

interface Block {
  readonly line: string;
  readonly isFine: boolean;
  readonly note: readonly string[];
  /** One entry for each cause, the worst first. */
  readonly problems: readonly { readonly rank: number; readonly size: number; readonly lines: readonly string[] }[];
}

const INDENT = 2;

/** The state of a run: a line a workload, and below it what needs attention, each cause once and in full. */
export function formatScreen(workloads: readonly WorkloadView[], options: ScreenOptions): Screen {
  const { paint, width, rows } = options;
  const lines = formatWorkloads(workloads, {
    paint,
    width,
    latency: options.latency,
    failedRuns: (workload) => options.failedRuns(workload).length,
  });
  const found = workloads.map((each) => (rows === "all" ? [] : problemsOf(each, options.failedRuns(each))));
  const statusWidth = Math.max(0, ...found.flat().map(({ status }) => widthOf(statusWord(status, paint))));
  const blocks = found.map((problems, index): Block => {
    const { line = "", note, isFine = true } = lines[index] ?? {};
    return {
      line,
      isFine: isFine && problems.length === 0,
      note: note === undefined ? [] : wrap(note, width, INDENT).map((each) => paint("dim", each)),
      problems: problems.map((problem) => ({
        rank: RANKS[problem.status],
        size: problem.names.length,
        lines: formatProblem(problem, statusWidth, options),
      })),
    };
  });
  if (rows === "attention") return { lines: fit(blocks, options), lastOffset: 0 };
  const all = blocks.flatMap((block, index) => {
    const workload = workloads[index];
    if (rows === "failed")
      return block.isFine ? [] : [block.line, ...block.note, ...block.problems.flatMap((each) => each.lines)];
    return [block.line, ...block.note, ...(workload === undefined ? [] : formatMemberRows(workload, paint, width))];
  });
  const shown = all.length === 0 ? [paint("green", "nothing failed")] : all;
  return scroll(shown, options);
}

/** A window of the lines, and where it is. */
function scroll(lines: readonly string[], { height, offset, paint }: ScreenOptions): Screen {
  if (height === undefined || lines.length <= height) return { lines, lastOffset: 0 };
  const room = Math.max(1, height - 1);
  const lastOffset = lines.length - room;
  const first = Math.max(0, Math.min(offset, lastOffset));
  const place = `lines ${first + 1}-${first + room} of ${lines.length}: arrow keys, PgUp, PgDn`;
  return { lines: [...lines.slice(first, first + room), paint("dim", place)], lastOffset };
}

/** As much as fits: the lines of all workloads, then causes, the worst first and each whole, then notes. */
function fit(blocks: readonly Block[], { height, paint, reclaim }: ScreenOptions): readonly string[] {
  const limit = height ?? Number.POSITIVE_INFINITY;
  let kept = blocks;
  let fine = 0;
  if (blocks.length > limit) {
    // Those that are fine give way first.
    const byNeed = [...blocks.filter(({ isFine }) => !isFine), ...blocks.filter(({ isFine }) => isFine)];
    const chosen = new Set(byNeed.slice(0, Math.max(1, limit - 1)));
    kept = blocks.filter((block) => chosen.has(block));
    fine = blocks.length - kept.length;
  }
  let room = limit - kept.length - (fine > 0 ? 1 : 0);
  const candidates = kept
    .flatMap((block) => block.problems.map((problem) => ({ block, problem })))
    .toSorted((a, b) => a.problem.rank - b.problem.rank);
  const total = candidates.reduce((sum, { problem }) => sum + problem.lines.length, 0);
  if (total > room) room -= 1;
  const shown = new Set<Block["problems"][number]>();
  let hidden = 0;
  for (const { problem } of candidates) {
    if (problem.lines.length > room) hidden += problem.size;
    else {
      room -= problem.lines.length;
      shown.add(problem);
    }
  }
  const noted = new Set<Block>();
  // First those that have nothing but their note.
  for (const block of kept.toSorted((a, b) => a.problems.length - b.problems.length)) {
    if (block.note.length === 0 || block.note.length > room) continue;
    room -= block.note.length;
    noted.add(block);
  }
  return [
    ...kept.flatMap((block) => [
      block.line,
      ...(noted.has(block) ? block.note : []),
      ...block.problems.flatMap((problem) => (shown.has(problem) ? problem.lines : [])),
    ]),
    ...(fine > 0 ? [paint("dim", `and ${count(fine, "more workload")}`)] : []),
    ...(hidden > 0
      ? [paint("yellow", `and ${count(hidden, "more container")} with problems${reclaim === "" ? "" : ": press f"}`)]
      : []),
  ];
}

/** The names after the status, and the cause behind them, or below them where it is long: always whole. */
function formatProblem(
  { status, names, cause, isTaken }: Problem,
  statusWidth: number,
  { paint, width, reclaim }: ScreenOptions,
): readonly string[] {
  const front = `${" ".repeat(INDENT)}${pad(statusWord(status, paint), statusWidth)}  `;
  const head = `${front}${joinNames(names, width - widthOf(front))}`;
  const text = isTaken && reclaim !== "" ? `${cause}. ${reclaim}` : cause;
  if (text === "") return [head];
  const line = `${head}: ${text}`;
  return widthOf(line) <= width ? [line] : [head, ...wrap(text, width, INDENT * 2)];
}

/** `web-a, web-b and 22 more`: at least one name, shortened in its middle where it must be. */
export function joinNames(names: readonly string[], width: number): string {
  const total = names.length;
  if (total === 1) return shorten(names[0] ?? "", width);
  for (let shown = Math.min(total, 4); shown >= 1; shown -= 1) {
    const more = total - shown;
    const text = `${names.slice(0, shown).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    if (widthOf(text) <= width) return text;
  }
  const more = ` and ${total - 1} more`;
  return `${shorten(names[0] ?? "", Math.max(8, width - more.length))}${more}`;
}
