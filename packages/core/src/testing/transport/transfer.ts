import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Batch } from "../../contract/batch.ts";
import type { Session } from "../../contract/session.ts";
import { KinsyncError } from "../../errors/error.ts";
import type { BatchPath } from "./create-batch.ts";
import type { Fixture } from "./fixture.ts";
import type { Requirement } from "./requirement.ts";

/** Batches of the sizes that transports treat differently. */
const SHAPES: readonly { readonly name: string; readonly paths: readonly BatchPath[] }[] = [
  { name: "one small file", paths: [{ file: "f", bytes: "new", replaces: "file" }] },
  {
    name: "three small files",
    paths: [
      { file: "f", bytes: "new", replaces: "file" },
      { file: "g", bytes: "g" },
      { file: "h", bytes: "h" },
    ],
  },
  { name: "one large file", paths: [{ file: "f", bytes: Buffer.alloc(1_500_000, "n"), replaces: "file" }] },
  {
    name: "many files",
    paths: [
      { file: "f", bytes: "new", replaces: "file" },
      ...Array.from({ length: 60 }, (_, index) => ({ file: `many-${index}`, bytes: Buffer.alloc(40_000, `${index}`) })),
    ],
  },
];

/** Bytes that a transport may read ahead of a container that takes none. */
const READ_AHEAD_BYTES = 2 * 1024 * 1024;
/** Milliseconds without a read after which the transport counts as waiting. */
const STALL_QUIET_MS = 300;

/** How a transport reads an archive. */
export const transferRequirements: readonly Requirement[] = [
  {
    name: "a local file that changes while it is read rejects stage and commit with that very error, and changes nothing",
    async check(fixture) {
      let session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "old" }]);
      for (const { name, paths } of SHAPES) {
        await failInSource(fixture, session, await fixture.batch(paths), name);
        session = await usableSession(fixture, session);
        await fixture.expectUsable(session);
        await fixture.expectFile("f", "old");
      }
    },
  },
  {
    name: "the bytes of an archive, which other sessions read too, are not changed",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "old" }]);
      for (const { name, paths } of SHAPES) {
        const shared: { readonly chunk: Uint8Array; readonly copy: Buffer }[] = [];
        const batch = withChunks(await fixture.batch(paths), (chunk) => {
          shared.push({ chunk, copy: Buffer.from(chunk) });
        });
        await fixture.deliver(session, batch);
        for (const { chunk, copy } of shared) assert.ok(copy.equals(chunk), `a chunk of ${name} was changed`);
      }
    },
  },
  {
    name: "a transfer that is aborted halfway rejects with the reason, changes nothing, and leaves the session usable",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const reason = new Error("a newer snapshot exists");
      const abort = new AbortController();
      const batch = withChunks(
        await fixture.batch([{ file: "big", bytes: Buffer.alloc(3_000_000, "x") }]),
        (_, count) => {
          if (count === 10) abort.abort(reason);
        },
      );
      const stage = session.stage(batch, { signal: abort.signal });
      await assert.rejects(stage.ready, (error) => error === reason);
      await assert.rejects(session.commit(stage, fixture.options), "an aborted stage was committed");
      await fixture.expectUsable(session);
      await fixture.expectMissing("big");
    },
  },
  {
    name: "a transport reads at most 2 MiB ahead of a container that takes no bytes",
    hooks: ["stall"],
    async check(fixture) {
      const { environment } = fixture;
      const session = await fixture.openAndClaim();
      let bytesRead = 0;
      const bytes = Buffer.alloc(12 * 1024 * 1024, "0123456789abcdef\n");
      const batch = withChunks(await fixture.batch([{ file: "big", bytes }]), (chunk) => {
        bytesRead += chunk.length;
      });
      const resume = environment.stall?.();
      const committed = session.commit(session.stage(batch, fixture.options), fixture.options);
      committed.catch(() => undefined);
      for (let before = -1; before !== bytesRead;) {
        before = bytesRead;
        await sleep(STALL_QUIET_MS);
      }
      const ahead = bytesRead;
      resume?.();
      assert.ok(ahead <= READ_AHEAD_BYTES, `${ahead} bytes were read while the container took none`);
      await fixture.untilVisible(await committed);
      await fixture.expectFile("big", bytes.toString());
    },
  },
];

async function failInSource(fixture: Fixture, session: Session, whole: Batch, name: string): Promise<void> {
  const failure = new KinsyncError("KINSYNC_SOURCE_UNREADABLE", "f changed while it was read", { retry: "retry" });
  const failAt = Math.ceil(whole.archive.size / CHUNK_BYTES / 2);
  const batch = withChunks(whole, (_, count) => {
    if (count === failAt) throw failure;
  });
  const stage = session.stage(batch, fixture.options);
  const settled = await Promise.allSettled([stage.ready, session.commit(stage, fixture.options)]);
  for (const each of settled) {
    assert.equal(each.status, "rejected", `${name}: the batch was applied`);
    assert.equal(each.reason, failure, `${name}: the error was replaced by ${String(each.reason)}`);
  }
}

/** The session, or the next one where a transport cannot drop a transfer halfway. */
async function usableSession(fixture: Fixture, session: Session): Promise<Session> {
  const isOver = await Promise.race([session.ended.then(() => true), sleep(100, false)]);
  return isOver ? fixture.openAndClaim() : session;
}

const CHUNK_BYTES = 64 * 1024;

/** The batch with an archive that reports each chunk before it hands it out; the function may throw. */
function withChunks(batch: Batch, onChunk: (chunk: Uint8Array, count: number) => void): Batch {
  const { archive } = batch;
  return {
    ...batch,
    archive: {
      size: archive.size,
      async *chunks(signal) {
        let count = 0;
        for await (const chunk of archive.chunks(signal)) {
          count += 1;
          onChunk(chunk, count);
          yield chunk;
        }
      },
    },
  };
}
