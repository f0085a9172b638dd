import type { SourceState } from "../source.ts";

/** Whether two states of a source are equal, so that the second one need not be emitted. */
export function isSameState(a: SourceState, b: SourceState): boolean {
  if (a.state === "present") {
    return (
      b.state === "present" &&
      a.tree === b.tree &&
      a.content === b.content &&
      a.isIgnored === b.isIgnored &&
      a.problems.length === b.problems.length &&
      a.problems.every((problem, index) => problem.message === b.problems[index]?.message)
    );
  }
  if (a.state === "unreadable") return b.state === "unreadable" && a.error.message === b.error.message;
  if (a.state === "retyped") return b.state === "retyped" && a.was === b.was;
  return a.state === b.state;
}
