import { styleText } from "node:util";
import type { Io, Output } from "../io.ts";

type Format = Parameters<typeof styleText>[0];

/** Colors a text, or leaves it as it is. */
export type Paint = (format: Format, text: string) => string;

/** Colors only where a terminal shows them and nobody said no: `--no-color`, `NO_COLOR` (no-color.org), `TERM=dumb`. */
export function createPaint(output: Output, env: Io["env"], wanted: boolean): Paint {
  const asked = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "" && env["FORCE_COLOR"] !== "0";
  const refused = !wanted || (env["NO_COLOR"] ?? "") !== "";
  const on = !refused && (asked || (output.isTTY === true && env["TERM"] !== "dumb"));
  return on ? (format, text) => styleText(format, text, { validateStream: false }) : (_format, text) => text;
}
