import { mkdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { EngineView } from "@kinsync/core";
import { createPaint } from "../src/render/color.ts";
import { formatScreen } from "../src/render/screen.ts";
import { TestCluster } from "./support/cluster.ts";
import { readIn } from "./support/playground.ts";

// Root reads everything, whatever its mode is: a name that no container can have stands for all that cannot be read.
const isLinux = process.platform === "linux";
let cluster: TestCluster;
let env: Readonly<Record<string, string>>;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
  await mkdir(join(cluster.place.path, "run"));
  env = { KUBECONFIG: cluster.playground.kubeconfigPath, XDG_RUNTIME_DIR: join(cluster.place.path, "run") };
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

afterAll(() => cluster[Symbol.asyncDispose]());

const kinsync = (line: string) => cluster.run(line, env);

/** A file in a folder of the workplace whose name is not UTF-8. */
async function writeUnread(folder: string): Promise<Buffer> {
  const path = Buffer.concat([Buffer.from(join(cluster.place.path, folder, "bad-")), Buffer.from([0xff])]);
  await writeFile(path, "bad\n");
  return path;
}

test.runIf(isLinux)(
  "`sync` names a file that cannot be read and ends with 3; `plan` and `verify` do not say that all is equal",
  async () => {
    const { place, playground } = cluster;
    await place.write("one/good.py", "good\n");
    const bad = await writeUnread("one");
    const rule = "pod/app --sync one:one";
    const synced = await kinsync(`sync ${rule}`);
    expect(synced.stdout).toContain("is left out: its name is not valid UTF-8; rename it");
    expect(synced.stdout).toContain("Make it readable, or add it to `ignore`.");
    expect(synced.stdout).toContain("1 of 1 container up to date: 1 local path cannot be read\n");
    expect(synced.code).toBe(3);
    expect(await readIn(playground, "app", "one/good.py")).toBe("good\n");

    const plan = await kinsync(`plan ${rule}`);
    expect(plan.stdout).toContain("one: not complete: 1 local path cannot be read\n");
    expect(plan.code).toBe(3);
    const verify = await kinsync(`verify ${rule}`);
    expect(verify.stdout).toContain("one: 1 local path cannot be read; ");
    expect(verify.code).toBe(3);

    await rename(bad, join(place.path, "one/now-good.py"));
    expect(await kinsync(`sync ${rule}`)).toMatchObject({ code: 0 });
    expect(await readIn(playground, "app", "one/now-good.py")).toBe("bad\n");
    expect(await kinsync(`verify ${rule}`)).toMatchObject({ code: 0 });
  },
);

test.runIf(isLinux)("a socket in a mapped folder is a note, and `sync` ends with 0", async () => {
  const { place } = cluster;
  await place.write("two/good.py", "good\n");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(place.path, "two/socket"), resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const { code, stdout } = await kinsync("sync pod/app --sync two:two");
  expect(stdout).toContain("two/socket is left out: it is a socket");
  expect(code).toBe(0);
});

test.runIf(isLinux)(
  "`status` and `wait` of a running `up` name a file that cannot be read, until it can be read",
  async () => {
    const { place } = cluster;
    const rule = "{ workload: pod/app, sync: [{ from: three, to: three }] }";
    await place.write("kinsync.config.yaml", `workloads: [${rule}]\n`);
    await place.write("three/good.py", "good\n");
    const bad = await writeUnread("three");
    const stop = new AbortController();
    const ended = place.run(["up"], { env, signal: stop.signal });
    stops.push(async () => {
      stop.abort(new Error("interrupted"));
      await ended;
    });
    await vi.waitFor(async () => expect((await kinsync("status")).stdout).toContain("1 of 1 container"), 20_000);
    const waited = await kinsync("wait");
    expect(waited.stdout).toContain("local paths of it cannot be read");
    expect(waited.code).toBe(3);
    const status = await kinsync("status");
    expect(status.stdout).toContain("1 local path cannot be read, so no container has their newest content:\n");
    expect(status.stdout).toContain("its name is not valid UTF-8; rename it");
    expect(status.code).toBe(3);
    await rename(bad, join(place.path, "three/now-good"));
    expect(await kinsync("wait")).toMatchObject({ code: 0 });
    expect(await kinsync("status")).toMatchObject({ code: 0 });
  },
);

test("the screen shows a local file that cannot be read as a problem, and not one that is read again by itself", () => {
  const target = {
    pod: "web-0",
    uid: "1",
    container: "main",
    containerId: "c",
    mappings: ["sync[0]"],
    status: "synced" as const,
    snapshot: 1,
    files: 1,
    duration: 1,
    reason: "",
  };
  const paths = [
    {
      code: "KINSYNC_SOURCE_UNREADABLE" as const,
      reason: "/src/a is left out: permission denied",
      hint: "Make it readable.",
    },
    { code: "KINSYNC_SOURCE_CHANGED" as const, reason: "/src/b is left out for now", hint: "No action needed." },
  ];
  const members = {
    workload: { resource: { kind: "Pod" }, name: "web" },
    members: [],
    problems: [],
    notes: [],
    root: {},
  };
  const workload = {
    name: "pod/web",
    namespace: "default",
    resolution: members,
    mappings: [],
    snapshot: 1,
    unread: { count: 2, paths },
    targets: [target],
  } as unknown as EngineView["workloads"][number];
  const { lines } = formatScreen([workload], {
    paint: createPaint({ write: () => true }, { NO_COLOR: "1" }, false),
    width: 100,
    height: undefined,
    rows: "attention",
    offset: 0,
    latency: () => undefined,
    failedRuns: () => [],
    reclaim: "",
  });
  expect(lines).toEqual([
    "pod/web  snapshot 1  1/1 up to date  1 local path cannot be read",
    "  Pod web has no pods",
    "  unreadable  local files: /src/a is left out: permission denied. Make it readable.",
  ]);
});
