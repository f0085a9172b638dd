import { quotedInLine, quotedList } from "../protocol/quote.ts";
import { SHELL_COMMAND } from "../agent/shell-command.ts";
import type { Hello } from "../agent/attempt.ts";
import { programSource } from "../agent/program-source.ts";
import { AGENTS } from "../agent/runtimes.ts";

/** How a command is run: the argv of the exec, what is sent first, and what is sent after the container was identified. */
export interface RunProgram {
  readonly argv: readonly string[];
  readonly first: string;
  readonly second: string;
}

/**
 * @param token begins the line that identifies the container
 * @param mark begins the line with the exit code
 */
export function runProgram(
  hello: Hello,
  command: readonly string[] | string,
  { token, mark }: { readonly token: string; readonly mark: string },
): RunProgram {
  const prelude = { token, idleSeconds: 0 };
  const argv = typeof command === "string" ? ["sh", "-c", command] : command;
  if (hello.runtime !== "sh" && !hello.shell) {
    const source = programSource(hello.runtime, "run", prelude);
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
    first: `eval ${quotedInLine(programSource("sh", "run", prelude))}\n`,
    second: `end_mark=${mark}; set -- ${quotedList(argv)}\n`,
  };
}
