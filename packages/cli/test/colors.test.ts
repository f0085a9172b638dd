import { expect, test } from "vitest";
import { createPaint } from "../src/render/color.ts";

const TERMINAL = { write: () => undefined, isTTY: true };
const PIPE = { write: () => undefined };

test.each<readonly [string, typeof TERMINAL | typeof PIPE, Readonly<Record<string, string>>, boolean, boolean]>([
  ["a terminal", TERMINAL, { TERM: "xterm" }, true, true],
  ["a terminal and --no-color", TERMINAL, { TERM: "xterm" }, false, false],
  ["a terminal and NO_COLOR", TERMINAL, { TERM: "xterm", NO_COLOR: "1" }, true, false],
  ["a terminal and an empty NO_COLOR", TERMINAL, { TERM: "xterm", NO_COLOR: "" }, true, true],
  ["a dumb terminal", TERMINAL, { TERM: "dumb" }, true, false],
  ["a pipe", PIPE, { TERM: "xterm" }, true, false],
  ["a pipe and FORCE_COLOR", PIPE, { FORCE_COLOR: "1" }, true, true],
  ["a pipe and FORCE_COLOR=0", PIPE, { TERM: "xterm", FORCE_COLOR: "0" }, true, false],
  ["a pipe, FORCE_COLOR and --no-color", PIPE, { FORCE_COLOR: "1" }, false, false],
])("%s: colors as Node decides", (_situation, output, env, isWanted, isColored) => {
  const text = createPaint(output, env, isWanted)("green", "x");
  expect(text).toBe(isColored ? "\u001B[32mx\u001B[39m" : "x");
});
