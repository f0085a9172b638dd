import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, assert, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createPlayground, IDLE, podManifest, readIn, untilRunning, type Playground } from "../support/playground.ts";
import { createWorkplace, type Workplace } from "../support/run.ts";

let playground: Playground;
let place: Workplace;
let pods = 0;
let pod = "";

beforeAll(async () => {
  playground = await createPlayground();
});

afterAll(() => playground[Symbol.asyncDispose]());

/** A new pod whose image holds /app/src/foreign.txt. */
beforeEach(async () => {
  place = await createWorkplace({ "src/a.txt": "1", "src/.git/HEAD": "x", "src/sub/b.txt": "22" });
  pod = `app${++pods}`;
  const command = ["sh", "-c", `mkdir -p /app/src && echo precious >/app/src/foreign.txt; ${IDLE}`];
  playground.apply(podManifest({ name: pod, container: { command } }));
  await untilRunning(playground, pod);
  await vi.waitFor(async () => assert((await readIn(playground, pod, "src/foreign.txt")) === "precious\n"), 10_000);
  return () => place[Symbol.asyncDispose]();
});

function run(...argv: readonly string[]) {
  return place.run(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
}

/** Path, type, mode, times and bytes of everything below the container's /app and /tmp. */
async function contentOf(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const root of ["/app", "/tmp"]) await list(playground.kubelet.pathOf("default", pod, "main", root), found);
  return found.sort();
}

async function list(folder: string, found: string[]): Promise<void> {
  const own = await lstat(folder).catch(() => undefined);
  if (own === undefined) return;
  found.push(`${folder} ${own.mode} ${own.mtimeMs} ${own.ctimeMs}`);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await list(path, found);
      continue;
    }
    const { mode, mtimeMs, ctimeMs } = await lstat(path);
    const text = entry.isFile() ? await readFile(path, "utf8") : "";
    found.push(`${path} ${mode} ${mtimeMs} ${ctimeMs} ${text}`);
  }
}

test("a plan lists what sync would write, and changes nothing in the container", async () => {
  const before = await contentOf();
  const { code, stdout, stderr } = await run("plan", `pod/${pod}`, "--sync", "src:/app/src");
  expect(stderr).toBe("");
  expect(stdout).toContain("/app/src: write 3 (3 B)\n");
  expect(stdout).toContain("+ /app/src/a.txt  1 B\n");
  expect(stdout).toContain("+ /app/src/sub/\n");
  expect(stdout).toContain("+ /app/src/sub/b.txt  2 B\n");
  expect(stdout).toMatch(/left out, 1 path:\n {4}\.git\//);
  expect(stdout).not.toContain("foreign.txt");
  expect(code).toBe(0);
  expect(await contentOf()).toEqual(before);
  expect(await readdir(playground.kubelet.pathOf("default", pod, "main", "/app"))).toEqual(["src"]);
});

test("sync --dry-run is the plan, as a process of its own", async () => {
  const before = await contentOf();
  const argv = ["sync", `pod/${pod}`, "--sync", "src:/app/src", "--dry-run"];
  const ran = await place.runBin(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("/app/src: write 3 (3 B)\n");
  expect(await contentOf()).toEqual(before);
});

test("deletes are listed, with those that need consent", async () => {
  const workload = { workload: `pod/${pod}`, sync: [{ from: "src", to: "/app/src", mirror: true }] };
  await place.write("kinsync.config.json", JSON.stringify({ workloads: [workload] }));
  const before = await contentOf();
  const { code, stdout } = await run("plan");
  expect(stdout).toContain("/app/src: write 3 (3 B), delete 1\n");
  expect(stdout).toContain("- /app/src/foreign.txt\n");
  expect(stdout).toContain("1 path that kinsync did not create would be deleted");
  expect(code).toBe(0);
  expect(await contentOf()).toEqual(before);
  const json = await run("plan", "-o", "json");
  const { workloads } = JSON.parse(json.stdout) as {
    workloads: { targets: { roots: { deleted: { path: string }[]; needsConsent: string[] }[] }[] }[];
  };
  const root = workloads[0]?.targets[0]?.roots[0];
  expect(root?.deleted.map(({ path }) => path)).toEqual(["/app/src/foreign.txt"]);
  expect(root?.needsConsent).toEqual(["/app/src/foreign.txt"]);
});

test("after a sync the plan is empty; a change and a deletion appear in it with the commands that follow", async () => {
  const run1 = { when: ["*.txt"], command: ["echo", "changed"] };
  const workload = { workload: `pod/${pod}`, sync: [{ from: "src", to: "src" }], run: [run1] };
  await place.write("kinsync.config.json", JSON.stringify({ workloads: [workload] }));
  expect(await run("sync")).toMatchObject({ code: 0 });
  const same = await run("plan", "--exit-code");
  expect(same.stdout).toContain("/app/src: up to date\n");
  expect(same.stdout).not.toContain("run echo");
  expect(same.code).toBe(0);
  await place.write("src/a.txt", "333");
  await place.write("src/c.txt", "4");
  await place.write("src/sub/b.txt", "22");
  const before = await contentOf();
  const changed = await run("plan", "--exit-code");
  expect(changed.stdout).toContain("~ /app/src/a.txt  3 B\n");
  expect(changed.stdout).toContain("+ /app/src/c.txt  1 B\n");
  expect(changed.stdout).toContain("  run echo changed\n");
  expect(changed.code).toBe(3);
  expect(await contentOf()).toEqual(before);
  // From another folder, what the first one placed would go.
  await place.write("other/src/z.txt", "z");
  const argv = ["plan", `pod/${pod}`, "--sync", "other/src:src"];
  const elsewhere = await run(...argv);
  expect(elsewhere.stdout).toContain("- /app/src/sub/b.txt\n");
  expect(elsewhere.stdout).toContain(`that came from ${join(place.path, "src")} on`);
});

test("a plan needs no consent to the context, and says where a sync would fail", async () => {
  const command = ["sh", "-c", `mkdir -p /app/src/a.txt; ${IDLE}`];
  playground.apply(podManifest({ name: `${pod}x`, container: { command } }));
  await untilRunning(playground, `${pod}x`);
  await vi.waitFor(async () =>
    expect(
      await lstat(playground.kubelet.pathOf("default", `${pod}x`, "main", "/app/src/a.txt")).catch(() => undefined),
    ).toBeDefined(),
  );
  const kubeconfig = await readFile(playground.kubeconfigPath, "utf8");
  const path = await place.write(
    "kubeconfig",
    kubeconfig.replaceAll(/(?:kinsync-)?playground\b(?=["\n])/g, "far-away"),
  );
  const { code, stdout } = await place.run(["plan", `pod/${pod}x`, "--sync", "src:/app/src"], {
    env: { KUBECONFIG: path },
  });
  expect(stdout).toMatch(/\/app\/src: would fail: .*a\.txt is a directory that kinsync did not create/);
  expect(code).toBe(3);
});

test("without a running container the exit code is 4", async () => {
  playground.apply(
    podManifest({ name: `${pod}d`, container: { command: ["true"] }, spec: { restartPolicy: "Never" } }),
  );
  await playground.until(() => playground.store.get("pods", "default", `${pod}d`)?.status?.["phase"] === "Succeeded", {
    what: "the pod to end",
    timeout: 10_000,
  });
  const { code, stdout } = await run("plan", `pod/${pod}d`, "--sync", "src:/app/src");
  expect(stdout).toContain("No container would get files.");
  expect(code).toBe(4);
});
