import { randomFillSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { expect } from "vitest";
import { openRelay } from "../faults/recovery.ts";
import { TO } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { emptyPod, mappedPod } from "../harness/mapped-pod.ts";
import { situation } from "../harness/situation.ts";

const MIB = 1 << 20;
/** Time limit for large transfers on a loaded machine. */
const LONG_MS = 240_000;

/** The number of files that kinsync reported as synced since then. */
function written(kinsync: KinsyncProcess, since: number): number {
  return kinsync.events.slice(since).reduce((sum, { event, files = 0 }) => (event === "synced" ? sum + files : sum), 0);
}

/** Writes a file of 300 MiB that cannot be compressed. */
async function writeRandom(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    const block = Buffer.alloc(MIB);
    for (let at = 0; at < 300; at += 1) await file.write(randomFillSync(block));
  } finally {
    await file.close();
  }
}

situation("10,000 small files are synced, changed and deleted", { timeout: LONG_MS }, async (fixture) => {
  const { project } = fixture;
  const name = (at: number): string => `src/tree/folder-${at % 100}/sub-${at % 7}/file-${at}.txt`;
  await project.write("src/stays.txt", "stays\n");
  for (let at = 0; at < 10_000; at += 1) await project.write(name(at), `file ${at}\n`);
  const x = await emptyPod(fixture);
  const kinsync = fixture.up("pod/x");
  await kinsync.until("the first pass is complete", ({ event }) => event === "ready", { timeout: LONG_MS });
  await fixture.untilSame([x]);

  const since = kinsync.mark();
  for (let at = 0; at < 10_000; at += 100) await project.write(name(at), `changed ${at}\n`);
  await fixture.untilSame([x]);
  // A partly written file is synced twice.
  expect(written(kinsync, since)).toBeLessThanOrEqual(200);

  await fixture.kubectl.run(["exec", "x", "--", "sh", "-c", "echo mine >/app/src/tree/folder-3/mine"]);
  await project.remove("src/tree");
  const left = {
    "stays.txt": "file: stays\n",
    tree: "folder",
    "tree/folder-3": "folder",
    "tree/folder-3/mine": "file: mine\n",
  };
  await expect.poll(() => fixture.list(x), { timeout: 60_000, interval: 200 }).toEqual(left);
});

situation("a file of 300 MiB and a change within it are synced", { timeout: LONG_MS }, async (fixture) => {
  const { project } = fixture;
  await project.write("src/small.txt", "one\n");
  await writeRandom(project.path("src/large.bin"));
  const x = await emptyPod(fixture);
  const kinsync = fixture.up("pod/x");
  expect(
    await kinsync.until("the first pass is complete", ({ event }) => event === "ready", { timeout: LONG_MS }),
  ).toMatchObject({ synced: 1 });
  expect(kinsync.events.filter(({ event }) => event === "progress").length).toBeGreaterThan(0);
  expect(await fixture.list(x)).toEqual(await project.list("src"));

  const since = kinsync.mark();
  const changed = await open(project.path("src/large.bin"), "r+");
  try {
    await changed.write(randomFillSync(Buffer.alloc(4096)), 0, 4096, 150 * MIB);
  } finally {
    await changed.close();
  }
  const { snapshot = 0 } = await kinsync.until(
    "large.bin changed locally",
    ({ event, paths }) => event === "snapshot" && paths?.includes("large.bin") === true,
    { since },
  );
  await kinsync.until("the change is synced", (each) => each.event === "synced" && (each.snapshot ?? 0) >= snapshot, {
    since,
    timeout: LONG_MS,
  });
  expect(await fixture.list(x)).toEqual(await project.list("src"));
  await fixture.save(kinsync, "small.txt", "two\n", [x]);
});

situation("saves overtake a file of 300 MiB in the same folder", { timeout: LONG_MS }, async (fixture) => {
  const { project } = fixture;
  await project.write("src/main.py", "1\n");
  const x = await emptyPod(fixture);
  const relay = await openRelay(fixture);
  const kinsync = fixture.up("pod/x", { kubeconfig: relay.kubeconfig });
  await kinsync.ready();
  const readInside = (): Promise<string> => fixture.kubectl.run(["exec", "x", "--", "cat", `${TO}/main.py`]);
  expect(await readInside()).toBe("1\n");

  relay.execBytesPerSecond = 8 * MIB;
  await writeRandom(project.path("checkpoint.bin"));
  const since = kinsync.mark();
  await project.move("checkpoint.bin", "src/checkpoint.bin");
  await kinsync.until("the file is on its way", ({ event }) => event === "progress", { since });
  const files = async (): Promise<string> => fixture.kubectl.run(["exec", "x", "--", "ls", TO]);
  for (const content of ["2\n", "3\n", "4\n"]) {
    await project.write("src/main.py", content);
    const begun = performance.now();
    await expect.poll(readInside, { timeout: 10_000, interval: 100 }).toBe(content);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await files()).toBe("main.py\n");
  }
  // What kinsync reports is true meanwhile: the container does not hold a whole snapshot.
  expect(kinsync.events.slice(since).filter(({ event }) => event === "synced")).toEqual([]);

  const { snapshot } = await kinsync.until("all is synced", ({ event }) => event === "synced", {
    since,
    timeout: LONG_MS,
  });
  expect(await fixture.list(x)).toEqual(await project.list("src"));
  expect(snapshot).toBeGreaterThanOrEqual(3);
  relay.execBytesPerSecond = undefined;
  await fixture.save(kinsync, "main.py", "5\n", [x]);
});

situation("a file replaced by equal content is not written again", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "one\n", "src/same.txt": "the same\n", "src/folder/same.txt": "the same\n" });
  const { kinsync, x, pods } = await mappedPod(fixture);
  await fixture.untilSame(pods);
  const facts = (): Promise<string> =>
    fixture.kubectl.run(["exec", "x", "--", "stat", "-c", "%i %Y", `${TO}/same.txt`, `${TO}/folder/same.txt`]);
  const before = await facts();
  const since = kinsync.mark();
  await writeFile(project.path("same.txt"), "the same\n");
  await project.move("same.txt", "src/same.txt");
  // At once: a folder that is missing for longer is deleted.
  rmSync(project.path("src/folder"), { recursive: true });
  mkdirSync(project.path("src/folder"));
  writeFileSync(project.path("src/folder/same.txt"), "the same\n");
  await project.write("src/same.txt", "the same\n");
  await fixture.save(kinsync, "f.txt", "two\n", [x]);
  expect(await facts()).toBe(before);
  const touched = kinsync.events.slice(since).flatMap(({ event, paths = [] }) => (event === "snapshot" ? paths : []));
  expect(new Set(touched)).toEqual(new Set(["f.txt"]));
  expect(written(kinsync, since)).toBe(1);
});
