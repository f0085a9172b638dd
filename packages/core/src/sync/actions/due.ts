import ignore from "ignore";
import type { RunAction } from "../../contract/action.ts";

/** A command as typed in a shell. */
export function commandText(command: RunAction["command"]): string {
  if (typeof command === "string") return command;
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

/** The actions that are due in a member of this role after these paths changed, in the order of the config. Paths are relative to the mapping's `from`. */
export function actionsDue<Action extends RunAction>(
  actions: readonly Action[],
  role: string | undefined,
  changed: Iterable<string>,
): readonly Action[] {
  const paths = [...changed];
  if (paths.length === 0) return [];
  return actions.filter((action) => {
    if (action.roles !== undefined && (role === undefined || !action.roles.includes(role))) return false;
    const matcher = ignore().add([...action.when]);
    return paths.some((path) => matcher.ignores(path));
  });
}
