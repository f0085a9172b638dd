import type { Member } from "../resolve/resolution.ts";
import type { ForwardRule } from "./forward-rule.ts";

/** The members that a rule fits and that run, best first: current ones before kept ones, then in the order of the resolution, by index. */
export function membersFor(members: readonly Member[], { role, index }: ForwardRule): readonly Member[] {
  const fitting = members.filter(
    (member) =>
      (role === undefined || member.role === role) &&
      (index === undefined || member.index === index) &&
      member.containers.some(({ runningId }) => runningId !== undefined),
  );
  return [...fitting.filter(({ state }) => state === "current"), ...fitting.filter(({ state }) => state === "kept")];
}
