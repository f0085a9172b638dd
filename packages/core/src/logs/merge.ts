import type { LogLine } from "./entries.ts";
import { compareStamps, readStamp, type Stamp } from "./stamp.ts";

interface Head {
  readonly line: LogLine;
  readonly stamp: Stamp;
  readonly lines: AsyncIterator<LogLine>;
}

const FIRST: Stamp = { seconds: 0, nanoseconds: 0 };

/** The lines of several logs by their time. Of each log one line is in memory; lines of one log keep their order. */
export async function* mergeByTime(logs: readonly AsyncIterable<LogLine>[]): AsyncGenerator<LogLine, void, undefined> {
  const iterators = logs.map((log) => log[Symbol.asyncIterator]());
  try {
    const first = await Promise.all(iterators.map((lines) => headOf(lines, FIRST)));
    const heads = first.filter((head) => head !== undefined);
    while (heads.length > 0) {
      let earliest = 0;
      for (const [at, head] of heads.entries()) {
        const best = heads[earliest];
        if (best !== undefined && compareStamps(head.stamp, best.stamp) < 0) earliest = at;
      }
      const head = heads[earliest];
      if (head === undefined) return;
      yield head.line;
      const next = await headOf(head.lines, head.stamp);
      if (next === undefined) heads.splice(earliest, 1);
      else heads[earliest] = next;
    }
  } finally {
    await Promise.allSettled(iterators.map(async (lines) => await lines.return?.()));
  }
}

/** @param before of the line before: a line without a time belongs to it, and clocks may go back */
async function headOf(lines: AsyncIterator<LogLine>, before: Stamp): Promise<Head | undefined> {
  const next = await lines.next();
  if (next.done === true) return undefined;
  const own = readStamp(next.value.time);
  const stamp = own === undefined || compareStamps(own, before) < 0 ? before : own;
  return { line: next.value, stamp, lines };
}
