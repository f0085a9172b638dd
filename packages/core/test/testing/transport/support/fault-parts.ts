import { createHash } from "node:crypto";
import { readArchive } from "../../../../src/contract/index.ts";
import type { Batch, BatchEntry, Inventory, Receipt, Session, Stage } from "../../../../src/contract/transport.ts";
import type { Fault, FaultyWorld } from "./local-environment.ts";

/** A fault that exactly one requirement is written for, in words. */
export interface PlantedFault extends Fault {
  readonly fault: string;
  /** The transport without this fault, where it is not the usual sound one. */
  readonly sound?: Fault;
}

/** A signal that never aborts. */
export const NEVER = new AbortController().signal;

/** A commit that does something before or after the sound one, or in place of it. */
export function aroundCommit(
  act: (commit: () => Promise<Receipt>, batch: Batch, world: FaultyWorld, signal: AbortSignal) => Promise<Receipt>,
): Fault {
  return {
    session: (sound, world) => {
      const batches = new WeakMap<Stage, Batch>();
      return {
        stage(batch, options) {
          const stage = sound.stage(batch, options);
          batches.set(stage, batch);
          return stage;
        },
        async commit(stage, options) {
          const batch = batches.get(stage);
          if (batch === undefined) throw new Error("an unknown stage");
          return act(() => sound.commit(stage, options), batch, world, options.signal);
        },
      };
    },
  };
}

/** A sound commit, and a change of the files before its receipt arrives. */
export function afterCommit(change: (batch: Batch, world: FaultyWorld) => void | Promise<void>): Fault {
  return aroundCommit(async (commit, batch, world) => {
    const receipt = await commit();
    await change(batch, world);
    return receipt;
  });
}

/** Stages something else than the batch. */
export function stageInstead(prepare: (batch: Batch, signal: AbortSignal) => Promise<Batch>): Fault {
  return {
    session: (sound) => {
      const stages = new WeakMap<Stage, Promise<Stage>>();
      return {
        stage(batch, options) {
          const inner = prepare(batch, options.signal).then((prepared) => sound.stage(prepared, options));
          const ready = inner.then((stage) => stage.ready);
          ready.catch(() => undefined);
          const stage = { ready };
          stages.set(stage, inner);
          return stage;
        },
        async commit(stage, options) {
          const inner = await stages.get(stage);
          if (inner === undefined) throw new Error("an unknown stage");
          return sound.commit(inner, options);
        },
      };
    },
  };
}

/** Ends with other words than the sound session. */
export function endsAs(why: "gone" | "lost"): Fault {
  return {
    session: (sound) => ({ ended: sound.ended.then((end) => (end.why === why ? { why: "closed" as const } : end)) }),
  };
}

/** Takes the root back before each commit from a session of the same run, or from one of another run. */
export function takesBack(from: "the same run" | "another run"): Fault {
  const fault = (sound: Session, { runId }: FaultyWorld): Partial<Session> => {
    const roots = new WeakMap<Stage, Batch["root"]>();
    return {
      stage(batch, options) {
        const stage = sound.stage(batch, options);
        roots.set(stage, batch.root);
        return stage;
      },
      async commit(stage, options) {
        const root = roots.get(stage);
        if (root === undefined) throw new Error("an unknown stage");
        const { marker } = await sound.inventory(root, { paths: [], ...options });
        if ((marker?.runId === runId) === (from === "the same run")) {
          await sound.claim(root, { snapshot: 0, tree: "", ...options });
        }
        return sound.commit(stage, options);
      },
    };
  };
  return { session: fault };
}

/** The batch with the digests of the bytes that its archive really holds. */
export async function withDigestsOfBytes(batch: Batch, signal: AbortSignal): Promise<Batch> {
  const digests = new Map<string, string>();
  let digest = createHash("sha256");
  for await (const { entry, bytes, isLast } of readArchive(batch, signal)) {
    digest.update(bytes);
    if (!isLast) continue;
    digests.set(entry.path, digest.digest("hex"));
    digest = createHash("sha256");
  }
  const entries = batch.entries.map((entry) =>
    entry.op === "file" ? { ...entry, digest: digests.get(entry.path) ?? entry.digest } : entry,
  );
  return { ...batch, entries };
}

/** The batch with an archive that was read whole. */
export async function withBytesInMemory(batch: Batch, signal: AbortSignal): Promise<Batch> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of batch.archive.chunks(signal)) chunks.push(chunk);
  return {
    ...batch,
    archive: {
      size: batch.archive.size,
      async *chunks() {
        yield* chunks;
      },
    },
  };
}

type EntryOf<Op extends BatchEntry["op"]> = Extract<BatchEntry, { readonly op: Op }>;

/** The entries of a batch that do this. */
export function entriesOf<Op extends BatchEntry["op"]>({ entries }: Batch, op: Op): readonly EntryOf<Op>[] {
  return entries.filter((entry): entry is EntryOf<Op> => entry.op === op);
}

/** An inventory that reports something else. */
export function inventoryInstead(change: (inventory: Inventory) => Inventory): Fault {
  return { session: (sound) => ({ inventory: async (...args) => change(await sound.inventory(...args)) }) };
}

/** Receipts arrive before anything is written. */
export const receiptFirst = (seen?: Promise<void>): Fault =>
  aroundCommit(async (commit, { snapshot, tree, entries }) => {
    setTimeout(() => void commit().catch(() => undefined), 50);
    return { snapshot, tree, count: entries.length, ...(seen === undefined ? {} : { seen }) };
  });
