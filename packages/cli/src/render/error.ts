import { isKinsyncError, KinsyncError } from "@kinsync/core/contract";
import type { Output } from "../io.ts";
import { breakAtBlanks } from "./break-lines.ts";
import type { Paint } from "./color.ts";
import { clean, cleanData, cleanLines } from "./text.ts";

/** Anything thrown, as an error of kinsync's. What nobody foresaw is `KINSYNC_INTERNAL`. */
export function asKinsyncError(error: unknown): KinsyncError {
  if (isKinsyncError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new KinsyncError("KINSYNC_INTERNAL", message === "" ? "something failed without a message" : message, {
    cause: error,
    hint: "Run it again with --debug to see where, and please report that.",
  });
}

export interface ErrorStyle {
  readonly json: boolean;
  /** With the stack. */
  readonly debug: boolean;
  readonly paint: Paint;
}

/** Prints an error: a sentence and the next step, or one JSON object. A stack only if asked for. */
export function printError(output: Output, error: KinsyncError, style: ErrorStyle): void {
  if (style.json) {
    const line = {
      event: "error",
      time: new Date().toISOString(),
      code: error.code,
      reason: error.message,
      hint: error.hint,
      ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
      ...(style.debug ? { stack: stackOf(error) } : {}),
    };
    output.write(`${JSON.stringify(cleanData(line))}\n`);
    return;
  }
  const width = output.isTTY === true ? (output.columns ?? 80) : Number.POSITIVE_INFINITY;
  const word = `error ${error.code}:`;
  const message = cleanLines(error.message)
    .split("\n")
    .flatMap((line, index) => breakAtBlanks(index === 0 ? `${word} ${line}` : `  ${line}`, width));
  for (const line of message) output.write(`${line.replace(word, style.paint(["red", "bold"], word))}\n`);
  if (error.hint !== "") {
    for (const line of breakAtBlanks(`  hint: ${clean(error.hint)}`, width)) {
      output.write(`${line.replace(/^ {2}hint:/, `  ${style.paint("cyan", "hint:")}`)}\n`);
    }
  }
  if (style.debug) output.write(`${stackOf(error)}\n`);
}

function stackOf(error: Error): string {
  const stacks: string[] = [];
  for (let each: unknown = error; each instanceof Error && stacks.length < 8; each = each.cause) {
    stacks.push(cleanLines(each.stack ?? each.message));
  }
  return stacks.join("\ncaused by ");
}
