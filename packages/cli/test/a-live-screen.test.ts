import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../src/main.ts";
import { createPlayground, podManifest, readIn, untilRunning } from "./support/playground.ts";
import type { Playground } from "./support/playground.ts";
import { createWorkplace } from "./support/run.ts";
import type { Workplace } from "./support/run.ts";

const MIB = 1024 * 1024;

let playground: Playground;
let place: Workplace;

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({ "src/main.py": "print(1)\n" });
  playground.apply(podManifest({ name: "app" }));
  await untilRunning(playground, "app");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

/** `up` on a terminal of 100 by 30. */
function upOnTerminal(line: string, env: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController();
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 30 });
  let text = "";
  terminal.setEncoding("utf8").on("data", (part: string) => (text += part));
  const code = main(line.split(" "), {
    stdout: terminal,
    stderr: terminal,
    env: { HOME: place.path, PATH: process.env["PATH"], KUBECONFIG: playground.kubeconfigPath, TERM: "xterm", ...env },
    cwd: place.path,
    conditions: [],
    signal: stop.signal,
  });
  return {
    raw: () => text,
    until: (pattern: RegExp): Promise<void> =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no ${String(pattern)} in:\n${stripVTControlCharacters(text)}`)),
          20_000,
        );
        const look = (): void => {
          if (!pattern.test(stripVTControlCharacters(text))) return;
          clearTimeout(timer);
          terminal.off("data", look);
          resolve();
        };
        terminal.on("data", look);
        look();
      }),
    end: async (): Promise<{ readonly code: number; readonly screen: string }> => {
      stop.abort(new Error("interrupted"));
      return { code: await code, screen: stripVTControlCharacters(text) };
    },
  };
}

test("a terminal shows one line a workload, and each save in one line above it", async () => {
  const up = upOnTerminal("up pod/app --sync src:table");
  await up.until(/^\d\d:\d\d:\d\d {2}1 file is in the container \(/m);
  await up.until(/^pod\/app +snapshot 1 +1\/1 up to date +\d/m);
  await place.write("src/main.py", "print(2)\n");
  await up.until(/^\d\d:\d\d:\d\d {2}main\.py is in the container \(\d/m);
  await up.until(/^pod\/app +snapshot 2 +1\/1 up to date +\d/m);
  expect(await readIn(playground, "app", "table/main.py")).toBe("print(2)\n");
  expect(up.raw()).toContain("\u001B[32m1/1 up to date\u001B[39m");
  const { code, screen } = await up.end();
  expect(screen.trimEnd()).toMatch(/\npod\/app +snapshot 2 +1\/1 up to date +[\d.]+ m?s$/);
  expect(code).toBe(130);
});

test.each([
  ["NO_COLOR", "up pod/app --sync src:table", { NO_COLOR: "1" }],
  ["--no-color", "up pod/app --sync src:table --no-color", {}],
])("%s takes the colors away, not the screen", async (_how, line, env) => {
  const up = upOnTerminal(line, env);
  await up.until(/^pod\/app +snapshot \d+ +1\/1 up to date/m);
  // oxlint-disable-next-line no-control-regex
  expect(up.raw()).not.toMatch(/\u001B\[\d*m/);
  await up.end();
});

test.each([
  ["a dumb terminal", { TERM: "dumb" }],
  ["a build server", { CI: "true" }],
])("%s gets lines", async (_where, env) => {
  const up = upOnTerminal("up pod/app --sync src:table", env);
  await up.until(/^\d\d:\d\d:\d\d {2}ready: 1 of 1 container up to date$/m);
  expect(up.raw()).not.toContain("\u001B[?25l");
  expect(up.raw()).not.toContain("snapshot 1  1/1");
  await up.end();
});

test("a transfer that takes long has a bar with rate and time left", async () => {
  // More than the buffers on the way hold, or it would be gone before it could be told of.
  using _slow = playground.faults.slowExec({ bytesPerSecond: 8 * MIB, direction: "stdin" });
  await writeFile(join(place.path, "blob.bin"), randomBytes(24 * MIB));
  const up = upOnTerminal("up pod/app --sync blob.bin:blob.bin");
  await up.until(/^ +app +█+░+ +\d+% {2}.* left {2}.* of .*MiB/m);
  await up.until(/^pod\/app +snapshot \d+ +1\/1 up to date/m);
  await up.end();
});

test("tree on a terminal has the reason in full below each member, and no line that the terminal must break", async () => {
  const tree = upOnTerminal("tree pod/app");
  await tree.until(/^app +current +main\s*\n {4}\S/m);
  const { code, screen } = await tree.end();
  expect(code).toBe(130);
  expect(screen.split("\n").filter((line) => line.length > 100)).toEqual([]);
});
