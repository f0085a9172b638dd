import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { TestCluster } from "./support/cluster.ts";
import { readIn } from "./support/playground.ts";
import type { Ran } from "./support/run.ts";

let cluster: TestCluster;
let env: Readonly<Record<string, string>>;
let stop: () => Promise<unknown> = () => Promise.resolve();

beforeAll(async () => {
  cluster = await TestCluster.start();
  await mkdir(join(cluster.place.path, "run"));
  env = {
    KUBECONFIG: cluster.playground.kubeconfigPath,
    XDG_RUNTIME_DIR: join(cluster.place.path, "run"),
    TMPDIR: cluster.place.path,
  };
});

afterEach(() => stop());
afterAll(() => cluster[Symbol.asyncDispose]());

const kinsync = (...argv: readonly string[]): Promise<Ran> => cluster.place.run(argv, { env });
const inPod = (path: string): Promise<string | undefined> => readIn(cluster.playground, "app", path);

/** Starts `up` with `pod/app` as a gang, whose container holds snapshot 1. @param timeout of a candidate */
async function up(timeout: string, to: string): Promise<void> {
  const { place } = cluster;
  const settings = `update: { mode: gang, timeout: ${timeout} }, sync: [{ from: src, to: ${to} }]`;
  await place.write("kinsync.config.yaml", `workloads: [{ workload: pod/app, ${settings} }]\n`);
  await place.write("src/main.py", "print(1)\n");
  const abort = new AbortController();
  const ended = place.run(["up"], { env, signal: abort.signal });
  stop = () => {
    abort.abort(new Error("interrupted"));
    return ended;
  };
  await vi.waitFor(async () => expect((await kinsync("wait")).code).toBe(0), 20_000);
}

/** Makes the container unable to get the next snapshot: where a new file belongs, it has a folder of its own, which the commit of the one before finds. */
async function saveInTheWay(folder: string): Promise<void> {
  const name = `in-${folder}`;
  const inTheWay = cluster.playground.kubelet.pathOf("default", "app", "main", `/app/${folder}/${name}`);
  await mkdir(inTheWay, { recursive: true });
  await writeFile(join(inTheWay, "own"), "own");
  await cluster.place.write(`src/${name}`, "new\n");
  await vi.waitFor(async () => expect((await kinsync("status")).stdout).toMatch(/ {2}failed {2}/), 20_000);
  await cluster.place.write("src/main.py", "print(2)\n");
}

/** Number of the candidate in a phase. On a busy machine, a save may be seen in two steps, which are two snapshots. */
const candidate = (phase: string): Promise<string> =>
  vi.waitFor(async () => {
    const { stdout } = await kinsync("status");
    const [, number] = new RegExp(`^  snapshot (\\d+) \\(${phase}\\)`, "m").exec(stdout) ?? [];
    return number ?? Promise.reject(new Error(stdout));
  }, 20_000);

test("a candidate that is held is in `status` with the container that holds it, and `wait` ends at once with 3", async () => {
  await up("10m", "held");
  await saveInTheWay("held");
  const number = await candidate("held");
  const status = await kinsync("status");
  expect(status.code).toBe(3);
  expect(status.stdout).toMatch(/^pod\/app in namespace default: snapshot \d+, 0 of 1 container up to date$/m);
  expect(status.stdout).toMatch(/ \(held\): prepared 0 of 1, waiting for pod\/app, container main: .*in-held/);
  const wait = await kinsync("wait", "--timeout", "30s");
  expect(wait.code).toBe(3);
  expect(wait.stdout).toContain(`snapshot ${number} was not reached: a container needs you\n`);
  const { stdout } = await kinsync("history");
  expect(stdout).toMatch(new RegExp(`^  ${number} .* save .* not released: held `, "m"));
  expect(stdout).toMatch(/^\* \d+ .* save .* 0 containers /m);
  expect(await inPod("held/main.py")).toBe("print(1)\n");
});

test("`wait` for a candidate that the gang gave up ends with 3 and says so, and does not use up its time", async () => {
  await up("3s", "given");
  await saveInTheWay("given");
  const number = await candidate("given-up");
  expect((await kinsync("status")).code).toBe(3);
  const began = performance.now();
  for (const snapshot of ["latest", number]) {
    const wait = await kinsync("wait", "--snapshot", snapshot, "--timeout", "60s");
    expect(wait.code).toBe(3);
    expect(wait.stdout).toContain(
      `snapshot ${number} was not reached: the gang gave it up, and no container shows it\n`,
    );
    expect(wait.stdout).toContain(`snapshot ${number} (given-up): prepared 0 of 1, waiting for pod/app`);
  }
  expect(performance.now() - began).toBeLessThan(30_000);
  expect((await kinsync("history")).stdout).toMatch(new RegExp(`^  ${number} .* not released: given up `, "m"));
  expect(await inPod("given/main.py")).toBe("print(1)\n");
});
