import { expect, test } from "vitest";
import type { Origin } from "../../../src/contract/inventory.ts";
import type { MemoryContainer } from "../../support/memory-container.ts";
import { TargetFixture } from "./support/target-fixture.ts";

test("a worker halts before anything is sent where mirror would delete foreign files without consent, and goes on with it", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "foreign", "xyz");
  target.mayDelete = () => false;
  const files = target.files("src", { mirror: true });
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "halted" && target.worker.idle);
  expect(target.container.seen("src")).toEqual({ foreign: "xyz" });
  expect(target.container.log.filter((line) => line.startsWith("commit"))).toEqual([]);
  expect(target.worker.reason).toBe(
    "pod/web-0, container main: `mirror: true` would delete 1 entry that kinsync did not create, in /src: foreign",
  );
  expect(target.events).toContain(`deletes src foreign: ${target.worker.reason}`);
  target.mayDelete = () => true;
  target.worker.retryNow();
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("a worker serves its other mappings while one waits for consent", async () => {
  await using target = new TargetFixture();
  target.container.put("one", "foreign", "x");
  target.mayDelete = () => false;
  const one = target.files("one", { mirror: true });
  const two = target.files("two");
  one.set({ a: "1" });
  two.set({ a: "1" });
  target.start({ files: [one, two] });
  await target.until(() => target.worker.status === "halted");
  expect(target.container.seen("two")).toEqual({ a: "1" });
});

test("a worker deletes nothing of a mounted volume, and notes it once", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "data/rows", "x");
  target.container.put("src", "foreign", "x");
  target.container.root("src").mounts = ["data"];
  const files = target.files("src", { mirror: true });
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  files.set({ b: "1" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ "data/rows": "x", b: "1" });
  expect(target.events.filter((event) => event.startsWith("note"))).toEqual([
    "note src: other file systems are mounted below /src, where `mirror` deletes nothing: data",
  ]);
});

test("a worker does not claim a root whose files of another folder's run it would delete", async () => {
  await using target = new TargetFixture();
  await claimFrom(target.container, { host: "laptop", folder: "/other" });
  target.container.put("src", "theirs", "x");
  target.container.put("src", "image", "x");
  target.container.root("src").placed.add("theirs");
  target.mayDelete = () => false;
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], host: "laptop" });
  await target.until(() => target.worker.status === "halted" && target.worker.idle);
  expect(target.worker.reason).toContain(
    "this run would delete 1 entry that came from /other on laptop, in /src: theirs",
  );
  expect(target.container.root("src").marker?.runId).toBe("other");
  expect(target.container.seen("src")).toEqual({ image: "x", theirs: "x" });
  target.mayDelete = (_, paths) => paths.join() === "theirs";
  target.worker.retryNow();
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1", image: "x" });
});

test.each([
  ["the same folder", { host: "laptop", folder: "/local/src" }],
  ["a folder that is not known", undefined],
])("a worker deletes without a question what a run from %s placed", async (_, origin) => {
  await using target = new TargetFixture();
  await claimFrom(target.container, origin);
  target.container.put("src", "old", "x");
  target.container.root("src").placed.add("old");
  target.mayDelete = () => false;
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], host: "laptop" });
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("a worker takes over without a question where nothing of the other folder's run is deleted", async () => {
  await using target = new TargetFixture();
  await claimFrom(target.container, { host: "desktop", folder: "/local/src" });
  target.container.put("src", "a", "0");
  target.container.root("src").placed.add("a");
  target.mayDelete = () => false;
  const files = target.files("src");
  files.set({ a: "1", b: "1" });
  target.start({ files: [files], host: "laptop" });
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1", b: "1" });
  expect(target.container.root("src").marker?.runId).toBe("me");
});

test("a worker does not touch a system folder that a relative path leads to", async () => {
  await using target = new TargetFixture();
  const files = target.files("src", { to: "usr" });
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "failed" && target.worker.idle);
  expect(target.worker.reason).toBe('pod/web-0, container main: `to` of src is "/usr", a system folder');
  expect(target.container.roots.size).toBe(0);
});

test("a worker plans a mode that cannot be set neither again nor after a lost connection", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "a", "1", 0o666);
  target.container.notes = [{ code: "mode", path: "a", message: "its mode cannot be set" }];
  const files = target.files("src");
  files.set({ a: "1" }, 0o755);
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
  await target.until(() => target.events.includes("run x 0"));
  // The file system ignored it.
  target.container.put("src", "a", "1", 0o666);
  target.container.breakConnection();
  await target.until(() => target.events.filter((event) => event.startsWith("synced src g1")).length === 2);
  files.set({ a: "1", b: "2" }, 0o755);
  await target.until(target.synced(2));
  await target.until(() => target.worker.idle);
  expect(target.container.log.filter((line) => /^commit src ./.test(line))).toEqual([
    "commit src chmod a",
    "commit src file b",
  ]);
  expect(target.container.log.filter((line) => line.startsWith("run"))).toHaveLength(2);
});

test("a worker starts no command for a mode that is not compared", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "a", "1", 0o600);
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
  await target.until(target.synced(1));
  await target.until(() => target.worker.idle);
  expect(target.events).toContain("synced src g1 +0 -0");
  expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual([]);
});

/** Another run claims /src with these files' origin, and ends. */
async function claimFrom(container: MemoryContainer, origin: Origin | undefined): Promise<void> {
  const other = await container.open("other", "2025-12-31T00:00:00.000Z", origin?.host);
  const spec = {
    path: "/src",
    shape: "directory",
    key: "src",
    ...(origin === undefined ? {} : { from: origin.folder }),
  } as const;
  await other.claim(spec, { snapshot: 1, tree: "", signal: AbortSignal.timeout(1_000) });
}
