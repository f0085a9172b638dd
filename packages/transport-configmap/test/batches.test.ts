import { KinsyncError, type Batch } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { createPlayground, type Playground } from "@kinsync/playground";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Fixture, ROOT } from "./support/fixture.ts";

let playground: Playground;
beforeAll(async () => {
  playground = await createPlayground({ kubelet: { projectionDelay: 50 } });
});
afterAll(async () => {
  await playground.close();
});

const large = (): Promise<Batch> => createBatch(ROOT, [{ file: "big", bytes: Buffer.alloc(900_000, "x") }]);

/** The batch with an archive that calls this before each chunk. */
function withChunks(batch: Batch, onChunk: (chunk: Uint8Array, count: number) => void): Batch {
  const { archive } = batch;
  return {
    ...batch,
    archive: {
      size: archive.size,
      async *chunks(signal) {
        let count = 0;
        for await (const chunk of archive.chunks(signal)) {
          onChunk(chunk, (count += 1));
          yield chunk;
        }
      },
    },
  };
}

test("a local file that changes while it is read rejects stage and commit with that very error", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  const reason = new KinsyncError("KINSYNC_SOURCE_CHANGED", "big changed while it was read");
  const batch = withChunks(await large(), (_, count) => {
    if (count === 5) throw reason;
  });
  const stage = session.stage(batch, { signal: fixture.signal });
  await expect(session.commit(stage, { signal: fixture.signal })).rejects.toBe(reason);
  await expect(stage.ready).rejects.toBe(reason);
  await fixture.send(session, [{ file: "next", bytes: "1" }]);
  expect(fixture.object.data).toEqual({ next: "1" });
});

test("a transfer that is aborted halfway rejects with the reason and leaves the session usable", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  const stop = new AbortController();
  const reason = new Error("a newer snapshot exists");
  const batch = withChunks(await large(), (_, count) => {
    if (count === 5) stop.abort(reason);
  });
  const stage = session.stage(batch, { signal: stop.signal });
  await expect(stage.ready).rejects.toBe(reason);
  await expect(session.commit(stage, { signal: fixture.signal })).rejects.toBe(reason);
  await fixture.send(session, [{ file: "next", bytes: "1" }]);
  expect(fixture.object.data).toEqual({ next: "1" });
});

test("the bytes of an archive are not changed", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  const read: { readonly chunk: Uint8Array; readonly copy: Buffer }[] = [];
  const batch = withChunks(await large(), (chunk) => read.push({ chunk, copy: Buffer.from(chunk) }));
  await session.commit(session.stage(batch, { signal: fixture.signal }), { signal: fixture.signal });
  for (const { chunk, copy } of read) expect(copy.equals(chunk)).toBe(true);
});
