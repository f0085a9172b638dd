import type { KinsyncError } from "@kinsync/core/contract";
import type { Io } from "../io.ts";
import { clean } from "./text.ts";

/** Prints problems that do not end a command to standard error, each text once. */
export function problemNotes({ stderr }: Pick<Io, "stderr">): (problems: readonly KinsyncError[]) => void {
  const reported = new Set<string>();
  return (problems) => {
    for (const { message, hint } of problems) {
      const text = `note: ${clean(message)}. ${clean(hint)}\n`;
      if (!reported.has(text)) stderr.write(text);
      reported.add(text);
    }
  };
}
