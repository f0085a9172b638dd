import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { afterAll, assert, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../src/main.ts";
import { createPlayground, IDLE, podManifest, readIn, untilRunning } from "./support/playground.ts";
import type { Playground } from "./support/playground.ts";
import { createWorkplace } from "./support/run.ts";
import type { Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;
let pods = 0;
let pod = "";

beforeAll(async () => {
  playground = await createPlayground();
});

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
});

/** A new pod whose image holds /app/src/foreign. */
beforeEach(async () => {
  place = await createWorkplace({ "src/a.txt": "1" });
  pods += 1;
  pod = `app${pods}`;
  const command = ["sh", "-c", `mkdir -p /app/src && echo precious >/app/src/foreign; ${IDLE}`];
  playground.apply(podManifest({ name: pod, container: { command } }));
  await untilRunning(playground, pod);
  await vi.waitFor(async () => assert(await isThere()), 10_000);
  return () => place[Symbol.asyncDispose]();
});

async function config(): Promise<void> {
  await place.write(
    "kinsync.config.yaml",
    `workloads: [{ workload: pod/${pod}, sync: [{ from: src, to: /app/src, mirror: true }] }]`,
  );
}

interface Terminal {
  readonly code: Promise<number>;
  readonly type: (text: string) => void;
  readonly stop: AbortController;
  readonly text: () => string;
  readonly until: (pattern: RegExp) => Promise<void>;
}

/** A command line on a terminal. */
function onTerminal(line: string, options: { readonly isTerminal: boolean } = { isTerminal: true }): Terminal {
  const stop = new AbortController();
  const { isTerminal: isTTY } = options;
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 100, rows: 30 });
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  let text = "";
  stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const shown = (): string => stripVTControlCharacters(text);
  const code = main(line.split(" "), {
    stdout,
    stderr: stdout,
    stdin,
    env: { HOME: place.path, PATH: process.env["PATH"], KUBECONFIG: playground.kubeconfigPath },
    cwd: place.path,
    conditions: [],
    signal: stop.signal,
  });
  return {
    code,
    stop,
    type: (answer) => void stdin.write(answer),
    text: shown,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${String(pattern)} in:\n${shown()}`)), 20_000);
        const look = (): void => {
          if (!pattern.test(shown())) return;
          clearTimeout(timer);
          stdout.off("data", look);
          resolve();
        };
        stdout.on("data", look);
        look();
      }),
  };
}

const isThere = async (): Promise<boolean> => (await readIn(playground, pod, "src/foreign")) !== undefined;

test("a yes deletes, and is remembered for a later run", async () => {
  await config();
  const first = onTerminal("sync");
  await first.until(
    /would delete 1 entry in 1 target that\s+kinsync did not create:\s+\/app\/src\/foreign\s+From:\s+pod\/\S+, container main: 1 \(9 B\)\s+Delete them\? \[y\/N\]/,
  );
  expect(await isThere()).toBe(true);
  first.type("y\n");
  expect(await first.code).toBe(0);
  expect(await isThere()).toBe(false);

  await writeFile(playground.kubelet.pathOf("default", pod, "main", "/app/src/foreign"), "again");
  const later = onTerminal("sync");
  expect(await later.code).toBe(0);
  expect(later.text()).not.toContain("Delete them?");
  expect(await isThere()).toBe(false);

  const file = join(place.path, ".local/state/kinsync/allowed-deletes.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
    consents: [{ workload: `pod/${pod}`, to: "/app/src", paths: ["foreign"] }],
  });
});

test.each(["\n", "n\n", "no, thanks\n"])(
  "the answer %j keeps the files, and the run ends with exit code 3",
  async (answer) => {
    await config();
    const run = onTerminal("sync");
    await run.until(/Delete them\?/);
    run.type(answer);
    expect(await run.code).toBe(3);
    expect(await isThere()).toBe(true);
    expect(run.text().match(/Delete them\?/g)).toHaveLength(1);
  },
);

test("Ctrl-C at the question ends the run", async () => {
  await config();
  const run = onTerminal("up");
  await run.until(/Delete them\?/);
  run.stop.abort(new Error("interrupted"));
  expect(await run.code).toBe(130);
  expect(await isThere()).toBe(true);
});

test.each([
  ["sync -o json", { isTerminal: true }],
  ["sync", { isTerminal: false }],
])("%s without somebody to ask halts at once (%o)", async (line, options) => {
  await config();
  const run = onTerminal(line, options);
  expect(await run.code).toBe(3);
  expect(run.text()).not.toContain("Delete them?");
  expect(run.text()).toContain("would delete 1 entry that kinsync did not create");
  expect(await isThere()).toBe(true);
});

test("--allow-deletes asks nobody", async () => {
  await config();
  const run = onTerminal("sync --allow-deletes");
  expect(await run.code).toBe(0);
  expect(run.text()).not.toContain("Delete them?");
  expect(await isThere()).toBe(false);
});

test("a run from another folder asks before it deletes what the first one placed", async () => {
  await place.write("other/b.txt", "2");
  expect(await onTerminal(`sync pod/${pod} --sync src:/app/src`).code).toBe(0);
  const second = onTerminal(`sync pod/${pod} --sync other:/app/src`);
  await second.until(/that came from .*\/src\s+on\s+.*:\s+\/app\/src\/a\.txt\s+From:.*Delete them\?/s);
  second.type("n\n");
  expect(await second.code).toBe(3);
  expect(await readIn(playground, pod, "src/a.txt")).toBe("1");
  // The first folder's run never asks.
  await place.write("src/c.txt", "3");
  const third = onTerminal(`sync pod/${pod} --sync src:/app/src`);
  expect(await third.code).toBe(0);
  expect(third.text()).not.toContain("Delete them?");
});
