import { quoted, quotedList } from "../protocol/quote.ts";
import { SHELL_COMMAND } from "../agent/shell-command.ts";
import type { Hello } from "../agent/start-agent.ts";
import { RUN_NODE, RUN_PERL, RUN_PYTHON3 } from "../agents/run-interpreters.ts";
import { RUN_SH } from "../agents/run-sh.ts";
import { AGENTS } from "../agent/runtimes.ts";

/** How a command is run: the argv of the exec, what is sent first, and what is sent after the container was identified. */
export interface RunProgram {
  readonly argv: readonly string[];
  readonly first: string;
  readonly second: string;
}

export function runProgram(hello: Hello, command: readonly string[] | string, mark: string): RunProgram {
  const argv = typeof command === "string" ? ["sh", "-c", command] : command;
  if (hello.runtime !== "sh" && !hello.shell) {
    const source = SOURCES[hello.runtime].trimStart();
    const words = [mark, ...argv].join("\0");
    return {
      argv: AGENTS[hello.runtime].argv(hello.program),
      first: `${Buffer.byteLength(source)}\n${source}`,
      second: `${Buffer.byteLength(words)}\n${words}`,
    };
  }
  return {
    argv: SHELL_COMMAND,
    // The text is short enough for the shell to read it byte by byte.
    first: `eval ${quotedInLine(RUN_SH.trimStart())}\n`,
    second: `E=${mark}; set -- ${quotedList(argv)}\n`,
  };
}

const SOURCES = { python3: RUN_PYTHON3, perl: RUN_PERL, node: RUN_NODE } as const;

/** Several lines as one word in one line, for a shell without a variable that holds a newline yet. */
function quotedInLine(text: string): string {
  return `"$(printf %b ${quoted(text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"))})"`;
}
