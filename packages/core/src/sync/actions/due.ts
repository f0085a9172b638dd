import ignore from "ignore";
import type { RunAction } from "../../contract/action.ts";

/** A command as typed in a shell. */
export function commandText(command: RunAction["command"]): string {
  if (typeof command === "string") return command;
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

/** Where a member stands, by the kind's verdict. */
export interface MemberPlace {
  readonly role?: string | undefined;
  readonly index?: string | undefined;
}

/** Index 0 of a role: `0`, or `0/0` where an index has several parts. */
export function isLeader({ index }: MemberPlace): boolean {
  return index !== undefined && /^0(?:\/0)*$/.test(index);
}

/** Whether an action is one of members of this place. */
export function takesPart({ on, roles }: RunAction, place: MemberPlace): boolean {
  if (on === "leader" && !isLeader(place)) return false;
  return roles === undefined || (place.role !== undefined && roles.includes(place.role));
}

/**
 * The actions that are due in a member of this place after these paths changed, in the order of the config, each with one of the paths
 * that make it due. Paths are relative to the mapping's `from`.
 */
export function actionsDue<Action extends RunAction>(
  actions: readonly Action[],
  place: MemberPlace,
  changed: Iterable<string>,
): ReadonlyMap<Action, string> {
  const due = new Map<Action, string>();
  const paths = [...changed];
  if (paths.length === 0) return due;
  for (const action of actions) {
    if (!takesPart(action, place)) continue;
    const matcher = ignore().add([...action.when]);
    const path = paths.find((each) => matcher.ignores(each));
    if (path !== undefined) due.set(action, path);
  }
  return due;
}

/** Whether one of these paths, relative to the mapping's `from`, makes an action due. */
export function isDueAfter({ when }: RunAction, paths: readonly string[]): boolean {
  if (paths.length === 0) return false;
  const matcher = ignore().add([...when]);
  return paths.some((path) => matcher.ignores(path));
}
