import sliceAnsi from "slice-ansi";
import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";
import { cut } from "./cut.ts";

/** Columns that a text takes on a terminal: wide characters take two, escape sequences none. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** The text, shortened to a width in columns in its middle: names of pods differ at their ends. */
export function shorten(text: string, width: number): string {
  const full = widthOf(text);
  if (full <= width) return text;
  const head = Math.floor((width - 1) * 0.45);
  const tail = width - 1 - head;
  return width < 3 ? cut(text, width) : `${sliceAnsi(text, 0, head)}…${sliceAnsi(text, full - tail)}`;
}

/** The text with blanks up to a width in columns. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/**
 * A text in lines of at most `width` columns, broken at blanks and, where a word is longer, in the word. Nothing is lost.
 * @param indent blanks in front of each line
 */
export function wrap(text: string, width: number, indent = 0): readonly string[] {
  const room = Math.max(8, width - indent);
  const lines = widthOf(text) <= room ? [text] : wrapAnsi(text, room, { hard: true, trim: true }).split("\n");
  return lines.map((line) => " ".repeat(indent) + line);
}
