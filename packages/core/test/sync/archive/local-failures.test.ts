import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { defineTransport, type Batch, type Session } from "../../../src/contract/index.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import type { ContentStore } from "../../../src/mapping/content-store.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { hostTransport } from "../../../src/plugins/host.ts";
import { ArchivePool } from "../../../src/sync/archive/archive-pool.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { MemoryContainer } from "../../support/memory-container.ts";
import { fileEntry, never, storeOf, systemError } from "./support/entries.ts";

const MEBIBYTE = 1024 * 1024;
const root = { path: "/app", shape: "directory", key: "k" } as const;

async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A session that is opened through the plugin host, as in the engine. `wrap` replaces methods of the transport's session. */
async function openSession(
  container: MemoryContainer,
  wrap: (session: Session) => Session = (session) => session,
): Promise<Session> {
  const transport = defineTransport({ name: "radio", open: async () => wrap(await container.open("run")) });
  const session = await hostTransport(transport).open(
    { namespace: "ns", pod: "web-0", podUid: "u", container: "main", containerId: "c" },
    { cluster: new FakeCluster([]), runId: "run", owner: "o", since: "2026-01-01T00:00:00Z", signal: never },
  );
  await session.claim(root, { snapshot: 1, tree: "", signal: never });
  return session;
}

async function send(session: Session, pool: ArchivePool, bytes: Uint8Array, content: ContentStore): Promise<void> {
  const entries = [fileEntry("model.bin", bytes)];
  using lease = await pool.lease(entries, content, never);
  const batch: Batch = { root, snapshot: 1, tree: "t", entries, placed: [], unplaced: [], archive: lease.archive };
  await session.commit(session.stage(batch, { signal: never }), { signal: never });
}

test("a missing temporary folder fails the batch and blames no plugin; the same session sends it once the folder exists", async () => {
  const spool = join(await tempFolder(), "nowhere");
  const container = new MemoryContainer();
  await using session = await openSession(container);
  await using pool = new ArchivePool({ spool });
  const bytes = Buffer.alloc(17 * MEBIBYTE, "kinsync");
  await expect(send(session, pool, bytes, memoryContent([bytes]))).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_SPOOL",
    retry: "retry",
    plugin: undefined,
    message: expect.stringContaining(spool) as string,
  });
  await mkdir(spool);
  await send(session, pool, bytes, memoryContent([bytes]));
  expect(container.root("k").files.get("model.bin")).toMatchObject({ size: bytes.length });
  expect(container.sessions).toBe(1);
});

/** A separate file system in memory; `undefined` if this user cannot mount one. */
async function smallDisk(mebibytes: number): Promise<string | undefined> {
  const folder = await tempFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", ["-l", folder], { stdio: "ignore" });
  });
  return folder;
}

test("a full temporary folder fails the batch; the same session sends it once there is space", async ({ skip }) => {
  const spool = await smallDisk(8);
  if (spool === undefined) return skip("this user cannot mount a small file system");
  const container = new MemoryContainer();
  await using session = await openSession(container);
  await using pool = new ArchivePool({ spool });
  const bytes = Buffer.alloc(32 * MEBIBYTE, "kinsync");
  await expect(send(session, pool, bytes, memoryContent([bytes]))).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_SPOOL",
    plugin: undefined,
    message: `${spool}, the temporary folder of this machine, cannot hold the 33 MiB to send: no space left on the disk`,
  });
  execFileSync("mount", ["-o", "remount,size=64m", spool]);
  await send(session, pool, bytes, memoryContent([bytes]));
  expect(container.root("k").files.get("model.bin")).toMatchObject({ size: bytes.length });
  expect(container.sessions).toBe(1);
});

test.each([
  ["EIO", "KINSYNC_SOURCE_UNREADABLE"],
  ["EACCES", "KINSYNC_SOURCE_UNREADABLE"],
  ["EMFILE", "KINSYNC_SOURCE_UNREADABLE"],
])("a local file that fails with %s in the middle of a transfer fails the batch alone", async (code, expected) => {
  const container = new MemoryContainer();
  await using session = await openSession(container);
  await using pool = new ArchivePool();
  const bytes = Buffer.alloc(4 * MEBIBYTE, "a");
  const failing = storeOf([bytes.subarray(0, 2 * MEBIBYTE)], systemError(code, "read"));
  await expect(send(session, pool, bytes, failing)).rejects.toMatchObject({ code: expected, plugin: undefined });
  await send(session, pool, bytes, memoryContent([bytes]));
  expect(container.root("k").files.get("model.bin")).toMatchObject({ size: bytes.length });
  expect(container.sessions).toBe(1);
});

test("the local failure is reported although the transport wraps it in an error of its own", async () => {
  const container = new MemoryContainer();
  const lost = (cause: unknown): never => {
    throw new KinsyncError("KINSYNC_TARGET_LOST", "the stream ended", { cause });
  };
  await using session = await openSession(container, (inner) => ({
    facts: inner.facts,
    ended: inner.ended,
    inventory: (...args) => inner.inventory(...args),
    claim: (...args) => inner.claim(...args),
    stage: (...args) => inner.stage(...args),
    commit: (...args) => inner.commit(...args).catch(lost),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }));
  await using pool = new ArchivePool();
  const bytes = Buffer.alloc(4 * MEBIBYTE, "a");
  await expect(send(session, pool, bytes, memoryContent([]))).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_CHANGED",
    plugin: undefined,
  });
});
