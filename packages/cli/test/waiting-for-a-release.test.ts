import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { TestCluster } from "./support/cluster.ts";
import { readIn } from "./support/playground.ts";
import type { Ran } from "./support/run.ts";

let cluster: TestCluster;
let env: Readonly<Record<string, string>>;
let stop: (() => Promise<unknown>) | undefined;

beforeAll(async () => {
  cluster = await TestCluster.start();
  await mkdir(join(cluster.place.path, "run"));
  env = { KUBECONFIG: cluster.playground.kubeconfigPath, XDG_RUNTIME_DIR: join(cluster.place.path, "run") };
});

afterEach(() => stop?.());

afterAll(() => cluster[Symbol.asyncDispose]());

function kinsync(...argv: readonly string[]): Promise<Ran> {
  return cluster.place.run(argv, { env });
}

/** Starts `up`, and waits until `pod/app` holds the files of the start. */
async function up(settings: string): Promise<void> {
  const config = `workloads: [{ workload: pod/app, sync: [{ from: src, to: src }], ${settings} }]\n`;
  await cluster.place.write("kinsync.config.yaml", config);
  await save("1\n");
  const abort = new AbortController();
  const ended = cluster.place.run(["up"], { env, signal: abort.signal });
  stop = () => {
    abort.abort(new Error("interrupted"));
    return ended;
  };
  await vi.waitFor(async () => expect((await kinsync("wait")).code).toBe(0), 20_000);
}

function save(text: string): Promise<string> {
  return cluster.place.write("src/main.py", text);
}

function inPod(): Promise<string | undefined> {
  return readIn(cluster.playground, "app", "src/main.py");
}

test("`wait` does not end with 0 while changes wait, in mode manual and after undo", async () => {
  await up("mode: manual");
  expect((await kinsync("status")).stdout).toContain("saves wait: mode manual");
  await save("2\n");
  const waited = await kinsync("wait");
  expect(waited.code).toBe(3);
  expect(waited.stdout).toMatch(/^the local files of now were not released\n/);
  expect(JSON.parse((await kinsync("wait", "-o", "json")).stdout)).toMatchObject({
    reached: false,
    why: "unreleased",
    workloads: [{ wanted: 0 }],
  });
  expect(await inPod()).toBe("1\n");
  await kinsync("trigger");
  expect((await kinsync("wait")).code).toBe(0);
  expect(await inPod()).toBe("2\n");
  await kinsync("undo");
  expect((await kinsync("wait")).code).toBe(3);
  expect((await kinsync("wait", "--snapshot", "3")).code).toBe(0);
});

test("`wait` waits for `hooks.before`, and ends with 3 where it fails", async () => {
  await up('hooks: { before: "sleep 1; ! grep -q bad src/main.py" }');
  await save("2\n");
  const status = vi.waitFor(async () => {
    const { stdout } = await kinsync("status");
    expect(stdout).toMatch(/saves wait for hooks.before: .* is running/);
  });
  expect((await kinsync("wait")).code).toBe(0);
  await status;
  expect(await inPod()).toBe("2\n");
  await save("bad\n");
  expect(await kinsync("wait")).toMatchObject({ code: 3, stdout: expect.stringContaining("not released") });
  const failed = await kinsync("status");
  expect(failed.code).toBe(3);
  expect(failed.stdout).toMatch(/saves wait for hooks.before: .*: the local changes are not released/);
  expect(await inPod()).toBe("2\n");
});

test("a limit that no timer can keep does not end at once", async () => {
  await up("mode: auto");
  await save("3\n");
  expect((await kinsync("wait", "--timeout", "99999999h")).code).toBe(0);
  expect(await inPod()).toBe("3\n");
});

test("`trigger --file` with a file that did not change says so, and releases nothing", async () => {
  await up("mode: manual");
  await save("4\n");
  await kinsync("wait");
  const { stdout } = await kinsync("trigger", "--file", "src/typo.py");
  expect(stdout).toMatch(/^no change of src\/typo.py waits \(`kinsync status` shows those that do\)/);
  expect((await kinsync("status")).stdout).toContain("1 change waits");
});

test("`wait` ends when the commands of the snapshot have ended, and with 3 if one failed, as `sync` does", async () => {
  const command = "sleep 1; cp src/main.py ran.py; ! grep -q bad src/main.py";
  await up(`run: [{ when: ["*.py"], command: "${command}" }]`);
  const ran = (): Promise<string | undefined> => readIn(cluster.playground, "app", "ran.py");
  await save("print(2)\n");
  const waited = kinsync("wait");
  await vi.waitFor(async () => {
    const { code, stdout } = await kinsync("status");
    expect(stdout).toMatch(/snapshot 2, 1 of 1[^]* {2}command runs in app: sleep 1; cp/);
    expect(code).toBe(3);
  }, 10_000);
  expect(await waited).toMatchObject({ code: 0 });
  expect(await ran()).toBe("print(2)\n");
  await save("bad\n");
  const failed = await kinsync("wait");
  expect(failed.stdout).toMatch(/^snapshot 3 is in all containers, and a command failed\n/);
  expect(failed.code).toBe(3);
  expect(await ran()).toBe("bad\n");
  const late = save("print(4)\n").then(() => kinsync("wait", "--timeout", "500ms"));
  expect(await late).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(
      /^snapshot 4 (?:is in all containers, and a command did not end|was not reached) within/,
    ),
  });
  expect(await kinsync("wait")).toMatchObject({ code: 0 });
  expect(await ran()).toBe("print(4)\n");
  expect(await kinsync("status")).toMatchObject({ code: 0 });
});

test("`wait` does not end with the failure of a command that the newest save makes succeed", async () => {
  await up('run: [{ when: ["*.py"], command: "! grep -q bad src/main.py", onFailure: hold }]');
  await save("bad\n");
  expect(await kinsync("wait")).toMatchObject({ code: 3 });
  await save("good\n");
  expect(await kinsync("wait")).toMatchObject({ code: 0 });
});

test("`wait` and `status` include `hooks.after`", async () => {
  await up("hooks: { after: 'sleep 0.5; ! grep -q bad src/main.py' }");
  await save("bad\n");
  const { code, stdout } = await kinsync("wait");
  expect(stdout).toMatch(/^snapshot 2 is in all containers, and a command failed\n/);
  expect(code).toBe(3);
  expect(await kinsync("status")).toMatchObject({
    code: 3,
    stdout: expect.stringContaining("  command failed on this machine: hooks.after: sleep 0.5"),
  });
  await save("good\n");
  expect(await kinsync("wait")).toMatchObject({ code: 0 });
  expect(await kinsync("status")).toMatchObject({ code: 0 });
});
