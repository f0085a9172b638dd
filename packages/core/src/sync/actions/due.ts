import ignore from "ignore";
import type { RunAction } from "../../contract/action.ts";

/** A command as typed in a shell. */
export function commandText(command: RunAction["command"]): string {
  if (typeof command === "string") return command;
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

/**
 * The actions that are due in a member of this role after these paths changed, in the order of the config, each with one of the paths
 * that make it due. Paths are relative to the mapping's `from`.
 */
export function actionsDue<Action extends RunAction>(
  actions: readonly Action[],
  role: string | undefined,
  changed: Iterable<string>,
): ReadonlyMap<Action, string> {
  const due = new Map<Action, string>();
  const paths = [...changed];
  if (paths.length === 0) return due;
  for (const action of actions) {
    if (action.roles !== undefined && (role === undefined || !action.roles.includes(role))) continue;
    const matcher = ignore().add([...action.when]);
    const path = paths.find((each) => matcher.ignores(each));
    if (path !== undefined) due.set(action, path);
  }
  return due;
}
