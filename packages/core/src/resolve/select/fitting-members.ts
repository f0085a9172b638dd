import type { Member } from "../resolution.ts";

/** Which members of a workload a user means. */
export interface MemberChoice {
  /** Only members of this role. Default: any. */
  readonly role?: string | undefined;
  /** Only members with this index. Default: any. */
  readonly index?: string | undefined;
}

/** The members that a choice fits, best first: current ones before kept ones, then in the order of the resolution, by index. */
export function fittingMembers(members: readonly Member[], { role, index }: MemberChoice): readonly Member[] {
  const fitting = members.filter(
    (member) => (role === undefined || member.role === role) && (index === undefined || member.index === index),
  );
  return [...fitting.filter(({ state }) => state === "current"), ...fitting.filter(({ state }) => state === "kept")];
}
