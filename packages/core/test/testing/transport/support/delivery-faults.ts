import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KinsyncError } from "../../../../src/contract/index.ts";
import {
  aroundCommit,
  entriesOf,
  inventoryInstead,
  NEVER,
  receiptFirst,
  stageInstead,
  withBytesInMemory,
  withDigestsOfBytes,
  type PlantedFault,
} from "./fault-parts.ts";

/** By requirement of the kit about inventories, stages, commits and transfers: one mistake that this requirement must find. */
export const DELIVERY_FAULTS: Readonly<Record<string, PlantedFault>> = {
  "an inventory of a missing root reports it as missing and creates nothing": {
    fault: "an inventory creates the root",
    session: (sound) => ({
      async inventory(root, options) {
        const inventory = await sound.inventory(root, options);
        mkdirSync(root.path, { recursive: true });
        return inventory;
      },
    }),
  },
  "an inventory reports the requested paths that exist, with their digests, and the marker": {
    fault: "digests are wrong",
    ...inventoryInstead((inventory) => ({
      ...inventory,
      entries: inventory.entries.map((entry) => (entry.type === "file" ? { ...entry, digest: "0".repeat(64) } : entry)),
    })),
  },
  "an inventory reports what the container holds, not what was sent": {
    fault: "digests of what was sent are reported",
    session: (sound) => {
      const sent = new Map<string, string>();
      return {
        stage(batch, options) {
          for (const { path, digest } of entriesOf(batch, "file")) sent.set(path, digest);
          return sound.stage(batch, options);
        },
        async inventory(root, options) {
          const inventory = await sound.inventory(root, options);
          const entries = inventory.entries.map((entry) =>
            entry.type === "file" ? { ...entry, digest: sent.get(entry.path) ?? entry.digest } : entry,
          );
          return { ...inventory, entries };
        },
      };
    },
  },
  "the marker names run, owner, begin and origin of the files, from the claim on": {
    fault: "the marker has no origin",
    ...inventoryInstead(({ marker, ...inventory }) => {
      if (marker === undefined) return inventory;
      const { origin: _, ...rest } = marker;
      return { ...inventory, marker: rest };
    }),
  },
  "a batch that changes nothing is acknowledged, and its tree is in the marker": {
    fault: "a batch that changes nothing is not committed",
    ...aroundCommit((commit, { entries, snapshot, tree }) =>
      entries.length === 0 ? Promise.resolve({ snapshot, tree, count: 0 }) : commit(),
    ),
  },
  "an inventory calls a root empty only where nothing is in it": {
    fault: "hidden files do not count",
    session: (sound) => ({
      async inventory(root, options) {
        const inventory = await sound.inventory(root, options);
        const isEmpty = existsSync(root.path) && readdirSync(root.path).every((name) => name.startsWith("."));
        return { ...inventory, isEmpty: isEmpty && inventory.entries.length === 0 };
      },
    }),
  },
  "an inventory reports folders and links as such": {
    fault: "a link is reported as something else",
    ...inventoryInstead((inventory) => ({
      ...inventory,
      entries: inventory.entries.map((entry) =>
        entry.type === "link" ? { type: "other" as const, path: entry.path } : entry,
      ),
    })),
  },
  "an inventory with `list` reports every path, also those that kinsync did not create": {
    fault: "`list` reports only what kinsync created",
    session: (sound) => ({ inventory: (root, options) => sound.inventory(root, { ...options, list: false }) }),
  },
  "the next session reports what an earlier one created and did not delete": {
    fault: "the list of created paths is lost",
    ...inventoryInstead((inventory) => ({ ...inventory, placed: [] })),
  },
  "a closed session leaves nothing but the files and the state directory": {
    fault: "a closed session leaves a log beside the root",
    session: (sound, { at }) => ({
      async [Symbol.asyncDispose]() {
        await sound[Symbol.asyncDispose]();
        writeFileSync(join(dirname(at(".")), "session.log"), "closed\n");
      },
    }),
  },
  "a receipt holds snapshot, tree and count of the batch": {
    fault: "receipts have the snapshot 0",
    ...aroundCommit(async (commit) => ({ ...(await commit()), snapshot: 0 })),
  },
  "`seen` of a receipt resolves when the files are visible": {
    fault: "`seen` resolves before the files are visible",
    sound: {
      capabilities: { acknowledges: "accepted" },
      ...aroundCommit(async (commit) => ({ ...(await commit()), seen: Promise.resolve() })),
    },
    capabilities: { acknowledges: "accepted" },
    ...receiptFirst(Promise.resolve()),
  },
  "a staged batch is invisible until it is committed": {
    fault: "every stage is a folder in the root",
    session: (sound, { at }) => {
      let count = 0;
      return {
        stage(batch, options) {
          const stage = sound.stage(batch, options);
          void stage.ready.then(
            () => mkdirSync(at(`stage-${(count += 1)}`)),
            () => undefined,
          );
          return stage;
        },
      };
    },
  },
  "a discarded stage cannot be committed, leaves nothing, and leaves the session usable": {
    fault: "`discard` does nothing",
    session: () => ({ discard: () => Promise.resolve() }),
  },
  "bytes that do not match their digest reject stage and commit and change nothing": {
    fault: "digests are not compared",
    ...stageInstead(withDigestsOfBytes),
  },
  "what is kept beside the files does not grow with sessions and batches, also those that fail": {
    fault: "a batch that fails leaves its folder",
    ...aroundCommit(async (commit, { root }) => {
      try {
        return await commit();
      } catch (error) {
        mkdirSync(join(dirname(root.path), ".kinsync", `failed-${performance.now()}`), { recursive: true });
        throw error;
      }
    }),
  },
  "bytes that cannot be stored are not executed, and the session stays usable": {
    fault: "a name that is too long ends the session",
    ...aroundCommit(async (commit, _, { end }) => {
      try {
        return await commit();
      } catch (error) {
        end({ why: "lost" });
        throw error;
      }
    }),
  },
  "batches that are sent without waiting are applied in order": {
    fault: "a later batch overtakes an earlier one",
    session: (sound) => {
      let delay = 100;
      return {
        async commit(stage, options) {
          await sleep((delay -= 5));
          return sound.commit(stage, options);
        },
      };
    },
  },
  "a batch that is staged while its root is claimed is applied": {
    fault: "a stage is refused until the claim is answered",
    session: (sound) => {
      let isClaimed = false;
      return {
        async claim(root, options) {
          await sound.claim(root, options);
          isClaimed = true;
        },
        stage(batch, options) {
          if (isClaimed) return sound.stage(batch, options);
          throw new KinsyncError("KINSYNC_TARGET_LOST", "the root is not claimed");
        },
      };
    },
  },
  "a reader sees whole files at every moment, old or new": {
    fault: "a file is written in two steps",
    ...aroundCommit(async (commit, batch, { at }) => {
      const replaced = entriesOf(batch, "file").filter(({ path }) => existsSync(at(path)));
      const receipt = await commit();
      for (const { path } of replaced) {
        const whole = readFileSync(at(path));
        writeFileSync(at(path), whole.subarray(0, 10));
        await sleep(20);
        writeFileSync(at(path), whole);
      }
      return receipt;
    }),
  },
  "a reader sees all files of a batch change at one moment": {
    fault: "the last file of a batch changes later than the others",
    ...aroundCommit(async (commit, batch, { at }) => {
      const last = at(entriesOf(batch, "file").at(-1)?.path ?? "");
      const before = existsSync(last) ? readFileSync(last) : undefined;
      const receipt = await commit();
      if (before === undefined) return receipt;
      const after = readFileSync(last);
      writeFileSync(last, before);
      await sleep(20);
      writeFileSync(last, after);
      return receipt;
    }),
  },
  "a local file that changes while it is read rejects stage and commit with that very error, and changes nothing": {
    fault: "the error of the local file is reported as a lost connection",
    ...aroundCommit(async (commit) => {
      try {
        return await commit();
      } catch (cause) {
        throw new KinsyncError("KINSYNC_TARGET_LOST", "the transfer failed", { cause });
      }
    }),
  },
  "the bytes of an archive, which other sessions read too, are not changed": {
    fault: "chunks are overwritten after their transfer",
    session: (sound) => ({
      stage(batch, options) {
        const chunks: Uint8Array[] = [];
        const archive = {
          ...batch.archive,
          async *chunks(signal: AbortSignal) {
            for await (const chunk of batch.archive.chunks(signal)) {
              chunks.push(chunk);
              yield chunk;
            }
          },
        };
        const stage = sound.stage({ ...batch, archive }, options);
        void stage.ready.then(
          () => chunks.forEach((chunk) => chunk.fill(0)),
          () => undefined,
        );
        return stage;
      },
    }),
  },
  "a transfer that is aborted halfway rejects with the reason, changes nothing, and leaves the session usable": {
    fault: "a transfer does not stop when it is aborted",
    session: (sound) => ({ stage: (batch) => sound.stage(batch, { signal: NEVER }) }),
  },
  "a transport reads at most 2 MiB ahead of a container that takes no bytes": {
    fault: "an archive is read whole before the first byte is sent",
    ...stageInstead(withBytesInMemory),
  },
};
