import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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

beforeEach(async () => {
  place = await createWorkplace({ "src/a.txt": "1\n", "src/sub/b.txt": "22\n" });
  pod = `verified${++pods}`;
  playground.apply(podManifest({ name: pod, container: { command: ["sh", "-c", IDLE] } }));
  await untilRunning(playground, pod);
  return () => place[Symbol.asyncDispose]();
});

function run(command: string, ...argv: readonly string[]) {
  const all = [command, `pod/${pod}`, "--sync", "src:/app/src", ...argv];
  return place.run(all, { env: { KUBECONFIG: playground.kubeconfigPath, XDG_RUNTIME_DIR: place.path } });
}

function pathIn(path: string): string {
  return playground.kubelet.pathOf("default", pod, "main", `/app/src/${path}`);
}

async function sync(): Promise<void> {
  expect((await run("sync")).code).toBe(0);
}

test("verify names the run that wrote the files, and ends with 0 where they are the local ones", async () => {
  await sync();
  const { code, stdout } = await run("verify");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {4}\/app\/src: as the local files; snapshot 1 of \S+@\S+, \d\d:\d\d:\d\d$/m);
});

test("a container without files of kinsync lacks all of them", async () => {
  const { code, stdout } = await run("verify");
  expect(code).toBe(3);
  expect(stdout).toContain("/app/src: 3 paths differ; kinsync has written nothing here\n");
  expect(stdout).toContain("missing  /app/src/sub/b.txt\n");
});

test("files that were changed in the container are named, also with initial: trust, and stay as they are", async () => {
  await sync();
  await writeFile(pathIn("a.txt"), "changed in the container\n");
  const { code, stdout } = await run("verify", "--initial", "trust");
  expect(code).toBe(3);
  expect(stdout).toMatch(/1 path differs; snapshot 1 of .*; the files were changed in the container after that\n/);
  expect(stdout).toContain("differs  /app/src/a.txt\n");
  expect(await readFile(pathIn("a.txt"), "utf8")).toBe("changed in the container\n");
});

test("local files that were not sent are named as such", async () => {
  await sync();
  await place.write("src/a.txt", "newer\n");
  const { code, stdout } = await run("verify");
  expect(code).toBe(3);
  expect(stdout).toMatch(/1 path differs; snapshot 1 of .*; the local files are not those of that snapshot\n/);
});

test("verify --fix brings the local files back, and compares again", async () => {
  await sync();
  await writeFile(pathIn("a.txt"), "changed in the container\n");
  const { code, stdout } = await run("verify", "--fix");
  expect(stdout).toContain("1 path differs");
  expect(stdout).toContain("as the local files");
  expect(code).toBe(0);
  expect(await readIn(playground, pod, "src/a.txt")).toBe("1\n");
});

test("verify -o json lists what differs, with the marker", async () => {
  await sync();
  await writeFile(pathIn("a.txt"), "other\n");
  const { stdout } = await run("verify", "-o", "json");
  expect(JSON.parse(stdout)).toMatchObject({
    workloads: [
      {
        targets: [
          {
            status: "planned",
            roots: [
              {
                written: [{ op: "file", path: "/app/src/a.txt", replaces: "file" }],
                marker: { snapshot: 1, at: expect.stringMatching(/^\d{4}-.*Z$/) },
              },
            ],
          },
        ],
      },
    ],
  });
});

test("status without a running `up` says which run wrote last, and whether it wrote the local files of now", async () => {
  const before = await run("status");
  expect(before.stdout).toMatch(/ {2}main {2}\/app\/src {2}nothing {2}kinsync has written nothing here\n/);
  expect(before.code).toBe(3);
  await sync();
  const after = await run("status");
  expect(after.stdout).toMatch(/^No `kinsync up` of these workloads runs on this machine\./);
  expect(after.stdout).toMatch(/ {2}main {2}\/app\/src {2}the local files {2}snapshot 1 of \S+@\S+, \d\d:\d\d:\d\d\n/);
  expect(after.code).toBe(0);
  // The second run takes the folder over from the first, and leaves it when it ends.
  await sync();
  const again = await run("status");
  expect(again.stdout).toMatch(/ {2}main {2}\/app\/src {2}the local files {2}/);
  expect(again.code).toBe(0);
  await place.write("src/a.txt", "newer\n");
  const newer = await run("status", "-o", "json");
  expect(newer.code).toBe(3);
  const { source, workloads } = JSON.parse(newer.stdout) as {
    source: string;
    workloads: { targets: { roots: { tree: string; marker: { tree: string } }[] }[] }[];
  };
  const [root] = workloads[0]?.targets[0]?.roots ?? [];
  expect(source).toBe("containers");
  expect(root?.marker.tree).not.toBe(root?.tree);
});

test("status without a running `up` and without a config says that none runs", async () => {
  const { code, stderr } = await place.run(["status"], {
    env: { KUBECONFIG: playground.kubeconfigPath, XDG_RUNTIME_DIR: join(place.path, "none") },
  });
  expect(code).toBe(4);
  expect(stderr).toContain("KINSYNC_CONTROL_NO_RUN");
});
