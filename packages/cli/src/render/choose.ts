import type { Io, Output } from "../io.ts";
import type { OutputOptions } from "../setup/options.ts";
import { createPaint } from "./color.ts";
import { createPlainReporter } from "./plain.ts";
import { createJsonReporter } from "./json.ts";
import type { Reporter } from "./reporter.ts";

/** JSON where asked for, a live table on a terminal, lines elsewhere. */
export async function createReporter(options: OutputOptions, io: Io): Promise<Reporter> {
  if (options.json) return createJsonReporter(io.stdout);
  const paint = createPaint(io.stdout, io.env, options.color);
  if (!isTerminal(io.stdout, io.env)) return createPlainReporter(io.stdout, paint);
  const { createLiveReporter } = await import("./live.ts");
  return createLiveReporter(io.stdout, paint);
}

function isTerminal(output: Output, env: Io["env"]): output is Output & NodeJS.WritableStream {
  return output.isTTY === true && env["TERM"] !== "dumb" && (env["CI"] ?? "") === "" && "on" in output;
}
