import { quoted, quotedList } from "../quote.ts";
import { SHELL_COMMAND } from "../shell-command.ts";
import type { Hello } from "../start-agent.ts";
import { RUN_SH } from "./run-sh.ts";

/** How a command is run: the argv of the exec, what is sent at once, and what is sent when the container is known to be the right one. */
export interface RunProgram {
  readonly argv: readonly string[];
  readonly first: string;
  readonly second: string;
}

export function runProgram(_hello: Hello, command: readonly string[] | string, mark: string): RunProgram {
  const argv = typeof command === "string" ? ["sh", "-c", command] : command;
  const source = RUN_SH.trimStart();
  return {
    argv: SHELL_COMMAND,
    // Without dd, line by line would be slow; the text is short enough for the shell's own reading.
    first: `eval ${quotedInLine(source)}\n`,
    second: `E=${mark}; set -- ${quotedList(argv)}\n`,
  };
}

/** A text of several lines as one word in one line, for a shell that has no variable with a newline yet. */
function quotedInLine(text: string): string {
  return `"$(printf %b ${quoted(text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"))})"`;
}
