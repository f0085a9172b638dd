import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Scalar } from "yaml";
import { KinsyncError } from "../errors/error.ts";

/** A place in a text file, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Keys and list places from the top of a document to a value in it: `["workloads", 0, "sync", 1, "to"]`. */
export type ConfigPath = readonly (string | number)[];

/** A parsed document, and the positions in its text; `undefined` where the format has none (TS and JS). */
export interface ParsedText {
  readonly value: unknown;
  /** `key`: of the key itself; `value`: of what it holds. Falls back to the nearest place around it. */
  readonly locate: (path: ConfigPath, part: "key" | "value") => Position | undefined;
  /** Position of a character of the text at the path. Falls back to the start of the text where it is written with escapes. */
  readonly locateInside: (path: ConfigPath, offset: number) => Position | undefined;
}

/**
 * Parses YAML 1.2 or JSON. Throws `KINSYNC_CONFIG_PARSE` with file, line and column.
 * @param file as messages name it
 */
export function parseConfigText(text: string, file: string, format: "json" | "yaml"): ParsedText {
  const content = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (format === "json") checkJson(content, file);
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const at = lines.linePos(problem.pos[0]);
    throw new KinsyncError(
      "KINSYNC_CONFIG_PARSE",
      `${file}:${at.line}:${at.col} is not valid ${format === "json" ? "JSON" : "YAML"}: ${sentence(problem.message)}`,
      { details: { file, line: at.line, column: at.col }, cause: problem },
    );
  }
  return {
    value: document.toJS({ maxAliasCount: 1000 }) as unknown,
    locate: (path, part) => locate(document, lines, path, part),
    locateInside: (path, offset) => locateInside(content, document, lines, path, offset),
  };
}

function checkJson(text: string, file: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const before = text.slice(0, offsetOfJsonError(text, message));
    const line = before.split("\n").length;
    const column = before.length - before.lastIndexOf("\n");
    const what = message
      .replace(/ in JSON at position.*$/s, "")
      .replace(/, (?:\.\.\.)?".*is not valid JSON$/s, "")
      .replace(/^Unexpected end of JSON input$/, "it ends in the middle");
    throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file}:${line}:${column} is not valid JSON: ${sentence(what)}`, {
      details: { file, line, column },
      cause: error,
    });
  }
}

/** The message of the parser has the position of some errors only. The shortest start that is wrong, and not just incomplete, ends with it. */
function offsetOfJsonError(text: string, message: string): number {
  const position = positionIn(message);
  if (position !== undefined || message.includes("end of JSON input")) return position ?? text.length;
  let [right, wrong] = [0, text.length];
  while (wrong - right > 1) {
    const middle = Math.floor((right + wrong) / 2);
    if (isIncomplete(text.slice(0, middle))) right = middle;
    else wrong = middle;
  }
  return right;
}

function isIncomplete(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.includes("end of JSON input") || positionIn(message) === text.length;
  }
}

function positionIn(message: string): number | undefined {
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? undefined : Number(position);
}

function locate(document: Document, lines: LineCounter, path: ConfigPath, part: "key" | "value"): Position | undefined {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(step));
      if (pair === undefined) break;
      const key = offsetOf(pair.key);
      const value = offsetOf(pair.value);
      offset = (last && part === "key" ? key : (value ?? key)) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      if (item === undefined) break;
      offset = offsetOf(item) ?? offset;
      node = item;
    } else {
      break;
    }
  }
  if (offset === undefined) return undefined;
  const { line, col } = lines.linePos(offset);
  return line === 0 ? undefined : { line, column: col };
}

function locateInside(
  content: string,
  document: Document,
  lines: LineCounter,
  path: ConfigPath,
  offset: number,
): Position | undefined {
  const node: unknown = document.getIn(path, true);
  const start = isScalar(node) ? offsetInside(content, node, offset) : undefined;
  if (start === undefined) return locate(document, lines, path, "value");
  const { line, col } = lines.linePos(start);
  return { line, column: col };
}

/** In the whole text. A text in a block has its lines indented, so they are found one after the other. */
function offsetInside(content: string, node: Scalar, offset: number): number | undefined {
  const { range, value } = node;
  if (!Array.isArray(range) || typeof value !== "string") return undefined;
  const [from, to] = range;
  const before = value.slice(0, offset).split("\n");
  let at = from;
  for (const [index, line] of value.split("\n").entries()) {
    at = content.indexOf(line, at);
    if (at < 0 || at > to) return undefined;
    if (index === before.length - 1) return at + (before.at(-1) ?? "").length;
    at += line.length;
  }
  return undefined;
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}

function sentence(text: string): string {
  const trimmed = text.trim().replace(/\.$/, "");
  return /^[A-Z][a-z]/.test(trimmed) ? trimmed.charAt(0).toLowerCase() + trimmed.slice(1) : trimmed;
}
