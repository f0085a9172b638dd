import { quoted, quotedList } from "../quote.ts";
import { SHELL_COMMAND } from "../shell-command.ts";
import type { Hello } from "../start-agent.ts";
import { RUN_NODE, RUN_PERL, RUN_PYTHON3 } from "./run-interpreters.ts";
import { RUN_SH } from "./run-sh.ts";
import { AGENTS } from "./tiers.ts";

/** How a command is run: the argv of the exec, what is sent at once, and what is sent when the container is known to be the right one. */
export interface RunProgram {
  readonly argv: readonly string[];
  readonly first: string;
  readonly second: string;
}

export function runProgram(hello: Hello, command: readonly string[] | string, mark: string): RunProgram {
  const argv = typeof command === "string" ? ["sh", "-c", command] : command;
  if (hello.tier !== "sh" && !hello.shell) {
    const source = SOURCES[hello.tier].trimStart();
    const words = [mark, ...argv].join("\0");
    return {
      argv: AGENTS[hello.tier].argv(hello.program),
      first: `${Buffer.byteLength(source)}\n${source}`,
      second: `${Buffer.byteLength(words)}\n${words}`,
    };
  }
  return {
    argv: SHELL_COMMAND,
    // Without dd, line by line would be slow; the text is short enough for the shell's own reading.
    first: `eval ${quotedInLine(RUN_SH.trimStart())}\n`,
    second: `E=${mark}; set -- ${quotedList(argv)}\n`,
  };
}

const SOURCES = { python3: RUN_PYTHON3, perl: RUN_PERL, node: RUN_NODE } as const;

/** A text of several lines as one word in one line, for a shell that has no variable with a newline yet. */
function quotedInLine(text: string): string {
  return `"$(printf %b ${quoted(text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"))})"`;
}
