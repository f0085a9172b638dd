import type { Io, Output } from "../io.ts";
import type { OutputOptions } from "../setup/options.ts";
import { createPaint } from "./color.ts";
import { isAttended } from "./deletes-question.ts";
import { createPlainReporter } from "./plain.ts";
import { createJsonReporter } from "./json.ts";
import type { Reporter } from "./reporter.ts";

/**
 * JSON where requested, a live screen on a terminal, lines elsewhere.
 * @param quit ends the run; for the key `q`
 */
export async function createReporter(options: OutputOptions, io: Io, quit: () => void): Promise<Reporter> {
  if (options.json) return createJsonReporter(io.stdout);
  const { stdout, env } = io;
  const paint = createPaint(stdout, env, options.color);
  if (!isTerminal(stdout, env)) return createPlainReporter(stdout, paint);
  const { createLiveReporter } = await import("./live.ts");
  // The getter of the standard input opens it: only where keys can be read.
  const input = io.jobControl === undefined ? undefined : io.stdin;
  const asksDeletes = isAttended(options, io);
  return createLiveReporter({ output: stdout, paint, input, jobControl: io.jobControl, quit, asksDeletes });
}

function isTerminal(output: Output, env: Io["env"]): output is Output & NodeJS.WritableStream {
  return output.isTTY === true && env["TERM"] !== "dumb" && (env["CI"] ?? "") === "" && "on" in output;
}
