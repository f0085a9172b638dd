import { joinNotes, type Resolution } from "@kinsync/core";
import { ELIGIBLE_STATES } from "@kinsync/core/contract";
import { clean } from "./text.ts";
import { count } from "./units.ts";

/**
 * Why there is nothing to sync to, or not to all: `0 of 3 members are current: the JobSet is suspended`.
 * `undefined` where every member is current.
 */
export function describeMembers(resolution: Resolution): string | undefined {
  const { members, notes, root, workload } = resolution;
  const note = joinNotes(notes);
  const name = `${workload.resource.kind} ${workload.name}`;
  const why = note === undefined ? undefined : clean(note.message);
  if (root === undefined) return `${name} does not exist`;
  if (members.length === 0) return why === undefined ? `${name} has no pods` : `${name} has no pods: ${why}`;
  const eligible = members.filter(({ state }) => ELIGIBLE_STATES.includes(state)).length;
  if (eligible === members.length && why === undefined) return undefined;
  const sentence = `${eligible} of ${count(members.length, "member is", "members are")} current`;
  if (why !== undefined) return `${sentence}: ${why}`;
  const others = new Map<string, number>();
  for (const { state } of members)
    if (!ELIGIBLE_STATES.includes(state)) others.set(state, (others.get(state) ?? 0) + 1);
  return `${sentence}: ${[...others].map(([state, number]) => `${number} ${state}`).join(", ")}`;
}
