import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KinsyncError, type Archive } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const MEBIBYTE = 1024 * 1024;

/** An archive that throws after so many bytes, as for a changed local file. */
function failingAfter(archive: Archive, bytes: number, error: KinsyncError): Archive {
  return {
    size: archive.size,
    async *chunks(signal) {
      let sent = 0;
      for await (const chunk of archive.chunks(signal)) {
        if (sent >= bytes) throw error;
        yield chunk;
        sent += chunk.length;
      }
    },
  };
}

describe.each(MAKES)("a local file that changes while it is sent to a container with $name", (make) => {
  test("fails the batch with the source error, and files and session stay intact", async () => {
    await using environment = await makeLocalEnvironment(make);
    const signal = AbortSignal.timeout(25_000);
    const root = { path: join(environment.folder, "root"), shape: "directory", key: "k" } as const;
    const who = { cluster: environment.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await environment.transport.open(environment.target, who);
    let ended = false;
    void session.ended.then(() => (ended = true));
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const old = await createBatch(root, [{ file: "model", bytes: "old" }]);
    await session.commit(session.stage(old, { signal }), { signal });

    const large = Buffer.alloc(6 * MEBIBYTE, "kinsync ");
    const batch = await createBatch(root, [{ file: "model", bytes: large, replaces: "file" }]);
    // Before the first byte, in the first segment, in a later one.
    for (const bytes of [0, 200_000, 4.5 * MEBIBYTE]) {
      const error = new KinsyncError("KINSYNC_SOURCE_CHANGED", "model changed on this machine");
      const stage = session.stage({ ...batch, archive: failingAfter(batch.archive, bytes, error) }, { signal });
      await expect(session.commit(stage, { signal })).rejects.toBe(error);
      expect(await readFile(join(root.path, "model"), "utf8")).toBe("old");
    }

    const inventory = await session.inventory(root, { paths: ["model"], signal });
    expect(inventory.entries).toMatchObject([{ path: "model", size: 3 }]);
    await session.commit(session.stage(batch, { signal }), { signal });
    expect((await readFile(join(root.path, "model"))).equals(large)).toBe(true);
    expect(ended).toBe(false);
  });
});
