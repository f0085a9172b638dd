import { WriteStream } from "node:tty";
import { styleText } from "node:util";
import type { Io, Output } from "../io.ts";

type Format = Parameters<typeof styleText>[0];

/** Colors a text, or leaves it as it is. */
export type Paint = (format: Format, text: string) => string;

/**
 * Colors by Node's rules for terminals: `FORCE_COLOR`, `NO_COLOR`, `TERM`, `CI`. `--no-color` overrides all of them. `styleText` would
 * read the environment of the process, and accepts streams only.
 */
export function createPaint(output: Output, env: Io["env"], wanted: boolean): Paint {
  const isTerminal = output.isTTY === true || env["FORCE_COLOR"] !== undefined;
  const on = wanted && isTerminal && WriteStream.prototype.getColorDepth(env) > 1;
  return on ? (format, text) => styleText(format, text, { validateStream: false }) : (_format, text) => text;
}
