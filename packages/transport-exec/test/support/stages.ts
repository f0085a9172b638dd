import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Folders of staged files: those in a state directory, and those of archives that the sh agent stages in /tmp. */
export function stagesOf(root: string, state: string): string[] {
  const outside = `.kinsync-${lstatSync(root).ino}-stage-`;
  return [
    ...readdirSync(state).flatMap((name) => (name.startsWith("stage-") ? [join(state, name)] : [])),
    ...readdirSync("/tmp").flatMap((name) => (name.startsWith(outside) ? [join("/tmp", name)] : [])),
  ];
}
