import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPlayground, IDLE, podManifest, untilRunning, type Playground } from "../support/playground.ts";
import { createWorkplace, type Ran, type Workplace } from "../support/run.ts";

let playground: Playground;
let place: Workplace;

const SCRIPT = [
  "mkdir -p /tmp/out/d",
  "printf one >/tmp/out/f",
  "printf two >/tmp/out/d/run",
  "chmod 755 /tmp/out/d/run",
  "ln -s ../f /tmp/out/d/l",
  "ln -s /etc/passwd /tmp/out/bad",
  IDLE,
].join("; ");

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({ mine: "mine" });
  playground.apply(podManifest({ name: "web", container: { command: ["sh", "-c", SCRIPT] } }));
  await untilRunning(playground, "web");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

function run(...argv: readonly string[]): Promise<Ran> {
  return place.run(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
}

function at(path: string): string {
  return join(place.path, path);
}

test("a folder is pulled: files, the executable bit, links that stay inside; others are named", async () => {
  const first = await run("pull", "pod/web:/tmp/out", "out");
  expect(first).toMatchObject({
    code: 0,
    stdout: `web -> ${at("out")}: 2 files (6 B), 1 link, 1 left out\n`,
    stderr: "note: web: left out bad: its target is absolute\n",
  });
  expect(readdirSync(at("out"), { recursive: true, encoding: "utf8" }).toSorted()).toEqual(["d", "d/l", "d/run", "f"]);
  expect(readFileSync(at("out/d/run"), "utf8")).toBe("two");
  expect(lstatSync(at("out/d/run")).mode & 0o111).not.toBe(0);
  expect(lstatSync(at("out/f")).mode & 0o111).toBe(0);
  expect(readlinkSync(at("out/d/l"))).toBe("../f");
  const second = await run("pull", "pod/web:/tmp/out", "out");
  expect(second.stdout).toBe(`web -> ${at("out")}: 0 files (0 B), 2 unchanged, 1 link, 1 left out\n`);
});

test("a local file that differs stays, the exit code is 3, and --overwrite replaces it", async () => {
  await place.write("kept/f", "mine");
  const kept = await run("pull", "pod/web:/tmp/out/f", "kept/f");
  expect(kept).toMatchObject({
    code: 3,
    stderr:
      "note: web: left out the path: another file of this name exists here. --overwrite replaces files that differ, but no links and folders\n",
  });
  expect(readFileSync(at("kept/f"), "utf8")).toBe("mine");
  const replaced = await run("pull", "pod/web:/tmp/out/f", "kept", "--overwrite");
  expect(replaced).toMatchObject({ code: 0, stdout: `web -> ${at("kept/f")}: 1 file (3 B)\n`, stderr: "" });
  expect(readFileSync(at("kept/f"), "utf8")).toBe("one");
});

test("a local link in the place of a file stays, also with --overwrite, and no advice says otherwise", async () => {
  await place.write("linked/elsewhere", "mine");
  symlinkSync("elsewhere", at("linked/f"));
  const { code, stderr } = await run("pull", "pod/web:/tmp/out/f", "linked", "--overwrite");
  expect(code).toBe(3);
  expect(stderr).toBe("note: web: left out the path: a link is in its place here\n");
  expect(readFileSync(at("linked/elsewhere"), "utf8")).toBe("mine");
});

test("a local path that cannot be used ends with 2", async () => {
  await place.write("file", "mine");
  const { code, stderr } = await run("pull", "pod/web:/tmp/out/f", "file/x");
  expect(code).toBe(2);
  expect(stderr).toMatch(/KINSYNC_PULL_LOCAL: .*file cannot be written: something else is in its place\. /);
});

test("--all pulls into a folder for each member, and -o json has events", async () => {
  const { code, stdout } = await run("pull", "pod/web:/tmp/out/d/run", "each", "--all", "-o", "json");
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(0);
  expect(readFileSync(at("each/web/run"), "utf8")).toBe("two");
  // A slow machine reports its progress more than once.
  const steps = events.filter(
    ({ event }, at) => event !== "pull-progress" || events[at + 1]?.["event"] === "pull-done",
  );
  expect(steps.map(({ event }) => event)).toEqual(["pull-started", "pull-progress", "pull-done"]);
  const base = { workload: "pod/web", namespace: "default", pod: "web" };
  expect(steps[0]).toMatchObject({ ...base, files: 1, total: 3, to: at("each/web/run") });
  expect(steps[1]).toMatchObject({ ...base, files: 1, done: 1, bytes: 3, total: 3, here: 3 });
  expect(steps[2]).toMatchObject({ ...base, written: 1, unchanged: 0, leftOut: 0, bytes: 3, isComplete: true });
});

test("what cannot be pulled is refused with the reason", async () => {
  const missing = await run("pull", "pod/web:/tmp/missing", "x");
  expect(missing).toMatchObject({ code: 3, stdout: "" });
  expect(missing.stderr).toContain("KINSYNC_PULL_PATH: pod/web, container main: /tmp/missing does not exist");
  expect(missing.stderr).toContain("`kubectl exec web -n default -c main -- ls -ld /tmp/missing`");
  const noPath = await run("pull", "pod/web", "x");
  expect(noPath.code).toBe(2);
  expect(noPath.stderr).toContain('"pod/web" names no path in a container');
  const kernel = await run("pull", "pod/web:/proc/self", "x");
  expect(kernel.code).toBe(2);
  const nobody = await run("pull", "pod/web:/tmp/out", "x", "--role", "head");
  expect(nobody).toMatchObject({
    code: 4,
    stderr: "note: no current member of role head runs; `kinsync tree` shows the members and why\n",
  });
});

test("a connection that is cut in the middle of a file is opened again, and the pull goes on", async () => {
  const size = 3_000_000;
  const script = `mkdir -p /tmp/big && head -c ${size} /dev/urandom >/tmp/big/f && echo end >/tmp/big/g; ${IDLE}`;
  playground.apply(podManifest({ name: "big", container: { command: ["sh", "-c", script] } }));
  await untilRunning(playground, "big");
  await expect.poll(() => existsSync(playground.kubelet.pathOf("default", "big", "main", "/tmp/big/g"))).toBe(true);
  using _cut = playground.faults.cutExec({ direction: "stdout", afterBytes: 1_500_000, times: 3 });
  const { code, stdout, stderr } = await run("pull", "pod/big:/tmp/big", "big");
  expect(stderr).toMatch(/^(note: big: .*; trying again in \d+ ms\n)+$/);
  expect(stdout).toMatch(/: 2 files \(/);
  expect(code).toBe(0);
  const there = readFileSync(playground.kubelet.pathOf("default", "big", "main", "/tmp/big/f"));
  expect(readFileSync(at("big/f")).equals(there)).toBe(true);
});
