import type { PullRequest } from "@kinsync/core/contract";
import type { Hello } from "../agent/attempt.ts";
import { programSource } from "../agent/program-source.ts";
import { AGENTS } from "../agent/runtimes.ts";
import { SHELL_COMMAND } from "../agent/shell-command.ts";
import { quoted, quotedInLine, quotedList } from "../protocol/quote.ts";

/** How files are pulled: the argv of the exec, what is sent first, and how the path and the requests are written. */
export interface PullProgram {
  readonly argv: readonly string[];
  readonly first: string;
  readonly path: (path: string) => string;
  readonly request: (request: PullRequest) => string;
}

/** Variables of the image for its own programs must not change this one. */
const CLEAN_START = 'unset NODE_OPTIONS; exec "$@"';

/** @param token begins the line that identifies the container */
export function pullProgram({ runtime, program, shell }: Hello, token: string): PullProgram {
  const source = programSource(runtime, "pull", { token, idleSeconds: 0 });
  if (runtime === "sh") {
    return {
      argv: SHELL_COMMAND,
      first: `eval ${quotedInLine(source)}\n`,
      path: (path) => `path=${quoted(path)}\n`,
      request: (request) => `${quotedList(wordsOf(request))}\n`,
    };
  }
  const argv = AGENTS[runtime].argv(program);
  return {
    argv: shell ? ["sh", "-c", CLEAN_START, "sh", ...argv] : argv,
    first: counted(source),
    path: counted,
    request: (request) => counted(wordsOf(request).join("\0")),
  };
}

function wordsOf({ path, have, compareOnly }: PullRequest): readonly string[] {
  return [compareOnly === true ? "c" : "s", String(have?.size ?? 0), have?.digest ?? "-", path];
}

function counted(text: string): string {
  return `${Buffer.byteLength(text)}\n${text}`;
}
