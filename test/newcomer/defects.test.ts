import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readIn } from "../../packages/cli/test/support/playground.ts";
import type { Playground } from "../../packages/cli/test/support/playground.ts";
import { createWorkplace } from "../../packages/cli/test/support/run.ts";
import type { Ran, Workplace } from "../../packages/cli/test/support/run.ts";
import { deployment } from "../../packages/cli/test/line/worlds.ts";
import { isConfined, startCluster } from "./support/fixture.ts";
import { config } from "./support/mistake.ts";
import { TESTED_ELSEWHERE } from "./tested-elsewhere.ts";

const confined = await isConfined();
const ROOT = join(import.meta.dirname, "../..");

let playground: Playground;
let place: Workplace;

beforeAll(async () => {
  playground = await startCluster();
}, 60_000);

afterAll(() => playground[Symbol.asyncDispose]());

function run(argv: readonly string[], signal?: AbortSignal): Promise<Ran> {
  const env = { KUBECONFIG: playground.kubeconfigPath };
  return place.run(argv, signal === undefined ? { env } : { env, signal });
}

async function folder(files: Readonly<Record<string, string>>): Promise<AsyncDisposable> {
  place = await createWorkplace({ "src/main.py": "print(1)\n", ...files });
  return place;
}

/** The objects of `-o json`. */
function eventsOf({ stdout }: Ran): readonly Readonly<Record<string, unknown>>[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** Calls until the result is true, for at most 20 seconds. */
async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) if (await look()) return;
  throw new Error(`not within 20 s: ${what}`);
}

test.each(TESTED_ELSEWHERE)("$defect, $situation: $answer", ({ file, name }) => {
  expect(readFileSync(join(ROOT, file), "utf8")).toContain(name);
});

test.runIf(confined)("D1, `mirror` of a single file: its neighbors stay", async () => {
  await using _place = await folder(
    config("pod/folder", "sync: [{ from: src/main.py, to: /app/data/main.py, mirror: true }]"),
  );
  expect(await run(["sync"])).toMatchObject({ code: 0 });
  expect(await readIn(playground, "folder", "data/main.py")).toBe("print(1)\n");
  expect(await readIn(playground, "folder", "data/keep.txt")).toBe("k\n");
});

test.runIf(confined)(
  "D7, a single file onto a folder: the message has the path as it is, and the slash to add, and no word of mirror",
  async () => {
    await using _place = await folder({});
    const { code, stdout } = await run(["sync", "pod/folder", "--sync", "src/main.py:/app/conf"]);
    expect(stdout).toContain("/app/conf is a directory that kinsync did not create, and should become a file");
    expect(stdout).toContain("To put the file into the folder, write to: /app/conf/");
    expect(stdout).not.toMatch(/conf\/conf|mirror/);
    expect(code).toBe(3);
  },
);

test("D11, a file with another name in the container: events have its local name, as `when` does", async () => {
  await using _place = await folder({
    "head.yaml": "a: 1\n",
    ...config(
      "pod/app",
      "sync: [{ from: head.yaml, to: config.yaml }]",
      'run: [{ when: ["head.yaml"], command: "echo reloaded" }]',
    ),
  });
  const events = eventsOf(await run(["sync", "-o", "json"]));
  expect(events).toContainEqual(expect.objectContaining({ event: "snapshot", paths: ["head.yaml"] }));
  expect(events).toContainEqual(expect.objectContaining({ event: "run", ok: true }));
  expect(await readIn(playground, "app", "config.yaml")).toBe("a: 1\n");
});

test("D15, a command that failed, and the same `sync` again: it runs again, until it succeeds", async () => {
  await using _place = await folder(
    config(
      "pod/app",
      "sync: [{ from: src, to: again }]",
      'run: [{ when: ["*.py"], command: "echo tried >>runs; test -e mended" }]',
    ),
  );
  const first = await run(["sync"]);
  expect(first).toMatchObject({ code: 3 });
  expect(first.stdout).toContain("a failed command runs again with the next `kinsync sync`");
  expect((await run(["plan"])).stdout).toContain("echo tried");
  expect((await run(["sync"])).code).toBe(3);
  await place.write("src/mended", "");
  await run(["sync", "pod/app", "--sync", "src/mended:mended"]);
  expect((await run(["sync"])).code).toBe(0);
  expect((await run(["sync"])).code).toBe(0);
  expect(await readIn(playground, "app", "runs")).toBe("tried\n".repeat(3));
});

test("D17, a Deployment that is scaled from 2 to 3: one line for the new pod, none for a reason that changed", async () => {
  await using _place = await folder({});
  const stop = new AbortController();
  const up = run(["up", "deploy/web", "--sync", "src:scaled"], stop.signal);
  const holding = async (count: number): Promise<boolean> => {
    const pods = playground.store.list("pods", "default").filter(({ metadata }) => metadata.labels?.["app"] === "web");
    const held = await Promise.all(pods.map(({ metadata }) => readIn(playground, metadata.name, "scaled/main.py")));
    return held.filter((content) => content !== undefined).length === count;
  };
  await until("two pods hold the file", () => holding(2));
  playground.apply(deployment("web", 3, "1"));
  await until("three pods hold the file", () => holding(3));
  await sleep(300);
  stop.abort();
  const { stdout } = await up;
  const members = stdout.split("\n").filter((line) => line.startsWith("member "));
  expect(members, stdout).toHaveLength(3);
});

test("D17, a role that no member has: said once, as the error", async () => {
  await using _place = await folder({});
  const { code, stdout, stderr } = await run(["sync", "pod/app", "--sync", "src:src", "--role", "head"]);
  expect(`${stdout}${stderr}`.match(/no member has the role head/g)).toHaveLength(1);
  expect(stderr).toContain("error KINSYNC_RESOLVE_ROLE: ");
  expect(code).toBe(2);
});

test.runIf(confined)("D17, saves while a container fails: the next step is shown once", async () => {
  await using _place = await folder({
    ...config("pod/folder", "sync: [{ from: src, to: saved }, { from: one.py, to: /app/conf }]"),
    "one.py": "1\n",
  });
  const stop = new AbortController();
  const up = run(["up"], stop.signal);
  for (const content of ["print(1)\n", "print(2)\n", "print(3)\n"]) {
    await place.write("src/main.py", content);
    await until(content, async () => (await readIn(playground, "folder", "saved/main.py")) === content);
  }
  stop.abort();
  const { stdout } = await up;
  expect(stdout.match(/^failed KINSYNC_TARGET_FOREIGN: /gm)?.length, stdout).toBeGreaterThanOrEqual(2);
  expect(stdout.match(/hint: You map a single file onto a folder/g)).toHaveLength(1);
});

test("D20, the duration of a command in JSON: one decimal, as everywhere", async () => {
  await using _place = await folder(
    config("pod/app", "sync: [{ from: src, to: timed }]", 'run: [{ when: ["*.py"], command: "true" }]'),
  );
  const events = eventsOf(await run(["sync", "-o", "json"]));
  const durations = events.flatMap((event) => (typeof event["duration"] === "number" ? [event["duration"]] : []));
  expect(durations.length).toBeGreaterThanOrEqual(2);
  for (const each of durations) expect(String(each)).toMatch(/^\d+(?:\.\d)?$/);
});
