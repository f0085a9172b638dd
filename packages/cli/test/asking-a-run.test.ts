import { createServer } from "node:net";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { TestCluster } from "./support/cluster.ts";
import { readIn } from "./support/playground.ts";
import type { Ran } from "./support/run.ts";

let cluster: TestCluster;
let env: Readonly<Record<string, string>>;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
  await mkdir(join(cluster.place.path, "run"));
  env = {
    KUBECONFIG: cluster.playground.kubeconfigPath,
    XDG_RUNTIME_DIR: join(cluster.place.path, "run"),
    TMPDIR: cluster.place.path,
  };
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

afterAll(() => cluster[Symbol.asyncDispose]());

function kinsync(...argv: readonly string[]): Promise<Ran> {
  return cluster.place.run(argv, { env });
}

async function json<Result>(...argv: readonly string[]): Promise<Result> {
  const { stdout, stderr } = await kinsync(...argv, "-o", "json");
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Result;
}

/** Starts `up`, and waits until `pod/app` holds the files of the start. @param settings of the workload, in YAML */
async function up(settings = "", argv: readonly string[] = []): Promise<() => Promise<Ran>> {
  const { place } = cluster;
  await place.write(
    "kinsync.config.yaml",
    `workloads: [{ workload: pod/app, sync: [{ from: src, to: src }]${settings} }]\n`,
  );
  await place.write("src/main.py", "print(1)\n");
  const stop = new AbortController();
  const ended = place.run(["up", ...argv], { env, signal: stop.signal });
  const end = async (): Promise<Ran> => {
    stop.abort(new Error("interrupted"));
    return await ended;
  };
  stops.push(async () => void (await end()));
  await vi.waitFor(async () => expect((await kinsync("wait")).code).toBe(0), 20_000);
  expect(await inPod()).toBe("print(1)\n");
  return end;
}

function inPod(): Promise<string | undefined> {
  return readIn(cluster.playground, "app", "src/main.py");
}

function save(text: string): Promise<string> {
  return cluster.place.write("src/main.py", text);
}

test("without a running `up`, a command says so and ends with 4", async () => {
  const { code, stderr } = await kinsync("status");
  expect(code).toBe(4);
  expect(stderr).toMatch(/KINSYNC_CONTROL_NO_RUN: no `kinsync up` of this folder runs on this machine/);
});

test("`wait` after a save ends when the container has it, also before the save was noticed", async () => {
  await up();
  for (const number of [2, 3, 4]) {
    await save(`print(${number})\n`);
    expect((await kinsync("wait")).code).toBe(0);
    expect(await inPod()).toBe(`print(${number})\n`);
  }
});

test("`wait` for a snapshot that does not come ends with 3 and says which container holds what", async () => {
  await up();
  const { code, stdout } = await kinsync("wait", "--snapshot", "99", "--timeout", "300ms");
  expect(code).toBe(3);
  expect(stdout).toMatch(/^snapshot 99 was not reached within 300 ms\n/);
  expect(stdout).toMatch(/pod\/app {2}main {2}.*snapshot 1/);
});

test("`status` shows each container; only the user can reach the socket", async () => {
  await up();
  const { code, stdout } = await kinsync("status");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^pod\/app in namespace default: snapshot 1, 1 of 1 container up to date\n/);
  const folder = join(cluster.place.path, "run", "kinsync");
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
});

test("in manual mode saves wait, `trigger --file` releases one file, and `trigger` the rest", async () => {
  await up(", mode: manual");
  await cluster.place.write("src/other.py", "other\n");
  await save("print(2)\n");
  await vi.waitFor(async () => {
    const { workloads } = await json<{ workloads: { pending?: { paths: string[] } }[] }>("status");
    expect(workloads[0]?.pending?.paths).toEqual(["src/main.py", "src/other.py"]);
  }, 10_000);
  expect(await inPod()).toBe("print(1)\n");
  expect((await kinsync("status")).stdout).toMatch(
    /2 changes wait \(mode manual; `kinsync trigger` releases them\): src\/main.py, src\/other.py/,
  );
  await kinsync("trigger", "--file", "src/other.py");
  await vi.waitFor(async () => expect(await readIn(cluster.playground, "app", "src/other.py")).toBe("other\n"), 10_000);
  expect(await inPod()).toBe("print(1)\n");
  expect(await json("trigger")).toMatchObject({ released: [{ workload: "pod/app", snapshot: 3 }] });
  await vi.waitFor(async () => expect(await inPod()).toBe("print(2)\n"), 10_000);
  expect((await kinsync("trigger")).stdout).toMatch(/^nothing waited/);
});

test("`undo` brings back the files before the last save, `history` shows it, and the next save ends it", async () => {
  await up();
  await save("print(2)\n");
  await kinsync("wait");
  const { stdout } = await kinsync("undo");
  expect(stdout).toBe(
    "pod/app in namespace default: released snapshot 3, with the files of snapshot 1; it holds until `kinsync trigger` or, in mode auto, the next save\n",
  );
  await vi.waitFor(async () => expect(await inPod()).toBe("print(1)\n"), 10_000);
  const history = (await kinsync("history")).stdout;
  expect(history).toMatch(/\* 3 .*undo to 1/);
  expect(history).toMatch(/ 2 .*save/);
  await save("print(3)\n");
  await kinsync("wait");
  expect(await inPod()).toBe("print(3)\n");
  expect(await kinsync("undo", "--to", "77")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("KINSYNC_SNAPSHOT_UNKNOWN: there is no snapshot 77"),
  });
});

test("`pause` holds saves and `resume` releases them", async () => {
  await up();
  await kinsync("pause");
  await save("print(2)\n");
  await vi.waitFor(async () => expect((await kinsync("status")).stdout).toMatch(/1 change waits \(paused/), 10_000);
  expect(await inPod()).toBe("print(1)\n");
  await kinsync("resume");
  await vi.waitFor(async () => expect(await inPod()).toBe("print(2)\n"), 10_000);
});

test("`events` prints the events of the run until it ends, and `up` leaves no socket behind", async () => {
  const end = await up();
  const events = kinsync("events");
  await vi.waitFor(async () => {
    await save(`print(${Math.random()})\n`);
    await kinsync("wait");
    expect((await json<{ workloads: { snapshot: number }[] }>("status")).workloads[0]?.snapshot).toBeGreaterThan(2);
  }, 10_000);
  await end();
  const { code, stdout } = await events;
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toContain("synced");
  expect(await readdir(join(cluster.place.path, "run", "kinsync"))).toEqual([]);
});

test("without a name, only a run of this folder is asked; those of other folders are named", async () => {
  await up();
  const elsewhere = join(cluster.place.path, "elsewhere");
  await mkdir(join(elsewhere, "src"), { recursive: true });
  await writeFile(join(elsewhere, "src", "x"), "x");
  const stop = new AbortController();
  const argv = ["up", "pod/app", "--sync", "src:/tmp/else"];
  const other = cluster.place.run(argv, { env, cwd: elsewhere, signal: stop.signal });
  stops.push(async () => {
    stop.abort(new Error("interrupted"));
    await other;
  });
  const statusIn = (cwd: string, ...flags: readonly string[]) => cluster.place.run(["status", ...flags], { env, cwd });
  await vi.waitFor(async () => expect((await statusIn("/")).stderr).toMatch(/KINSYNC_CONTROL_SEVERAL: 2 runs/), 20_000);
  const { stderr } = await statusIn("/proc");
  expect(stderr).toMatch(/KINSYNC_CONTROL_NO_RUN: no `kinsync up` of this folder runs on this machine/);
  const [, run = ""] = /--run ([0-9a-f]{8}) \(process \d+ in \S*elsewhere/.exec(stderr) ?? [];
  expect((await statusIn("/proc", "--run", run)).stdout).toContain("pod/app");
  const elsewhereContext = await cluster.place.run(["wait", "--context", "nowhere"], { env });
  expect(elsewhereContext.stderr).toContain("KINSYNC_CONTROL_NO_RUN");
  // Both have the workload.
  expect((await statusIn("/proc", "pod/app")).code).toBe(2);
  // The run of this folder, and of the folder above.
  expect((await kinsync("status")).stdout).toContain("snapshot 1");
  expect((await statusIn(join(cluster.place.path, "src"))).code).toBe(0);
  // Also where others fit by the name.
  expect((await statusIn(join(cluster.place.path, "src"), "pod/app")).code).toBe(0);
});

test("a missing folder for temporary files is not made, and the run says that it cannot be asked", async () => {
  const gone = join(cluster.place.path, "gone");
  const stop = new AbortController();
  await cluster.place.write("src/main.py", "print(1)\n");
  const argv = ["up", "pod/app", "--sync", "src:src"];
  const ended = cluster.place.run(argv, { env: { ...env, XDG_RUNTIME_DIR: gone, TMPDIR: gone }, signal: stop.signal });
  setTimeout(() => stop.abort(new Error("interrupted")), 2_000);
  const { stdout } = await ended;
  expect(stdout).toMatch(/note: commands such as `kinsync status` cannot reach this run: \S*gone/);
  await expect(stat(gone)).rejects.toMatchObject({ code: "ENOENT" });
});

test("the socket of a process that was killed is removed, and something that is not kinsync is no run", async () => {
  const folder = join(cluster.place.path, "run", "kinsync");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "4194304-00000000.sock"), "");
  const stranger = createServer((socket) => socket.end("hello\n")).listen(join(folder, `${process.pid}-00000001.sock`));
  expect((await kinsync("history")).code).toBe(4);
  expect(await readdir(folder)).toEqual([`${process.pid}-00000001.sock`]);
  stranger.close();
});

test("a failed command stays in the status until it is dismissed, or until it succeeds", async () => {
  const command = "echo 'no such table' >&2; ! grep -q bad src/main.py";
  await up(`, run: [{ when: ["*.py"], command: "${command}", onFailure: hold }]`);
  await save("bad\n");
  const failed = async (): Promise<string> => {
    const { code, stdout } = await kinsync("status");
    expect(code).toBe(3);
    expect(stdout).toMatch(/failed .*a command failed, and the config holds the container/);
    return stdout;
  };
  // While the save is on its way, the status ends with 3, too.
  expect(await vi.waitFor(failed, 20_000)).toContain("    | no such table");
  expect(await kinsync("wait", "--timeout", "5s")).toMatchObject({ code: 3 });
  expect(await kinsync("dismiss")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("dismissed the failed commands of pod/app, container main"),
  });
  expect((await kinsync("status")).code).toBe(0);
  expect(await json("dismiss")).toEqual({ dismissed: [] });
  await save("bad again\n");
  await vi.waitFor(failed, 20_000);
  await save("good\n");
  await vi.waitFor(async () => expect((await kinsync("status")).code).toBe(0), 20_000);
});

test("`wrapper` prints a shell program", async () => {
  expect(await kinsync("wrapper")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^#!\/bin\/sh\n/),
    stderr: "",
  });
});
