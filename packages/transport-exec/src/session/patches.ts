import type { Batch } from "@kinsync/core/contract";
import { BlockFinder, type Patch } from "../blocks/block-finder.ts";
import { PatchCache } from "../blocks/patch-cache.ts";
import { BlockIndex, blockBytesFor, joinSignature, type Signature } from "../blocks/signature.ts";
import { isStaged, type PlanStep } from "../commit/commit-plan.ts";
import { contentsOf } from "../commit/read-files.ts";
import type { AgentProtocol, SignatureRequest, StageRequest } from "../protocol/agent-protocol.ts";
import type { Operation } from "./agent-error.ts";
import type { Requests } from "./requests.ts";

/** Smaller files are sent whole: a signature costs a round trip. */
const MIN_FILE_BYTES = 4 * 1024 * 1024;
/** Larger files are sent whole: the container would copy for longer than a batch may go without taking a byte. */
const MAX_FILE_BYTES = 2 * 1024 * 1024 * 1024;
/** Where more of a file is new, it is sent whole: then the container need not read what is there. */
const MAX_NEW_SHARE = 0.5;

/** Milliseconds between two signs of life while this machine looks for blocks: the agent has nothing to report meanwhile. */
const LIFE_SIGN_MS = 1_000;

/** Containers of all sessions that hold the same file share its patch. */
const cache = new PatchCache();

/** True if parts of the file may be in the container, so that it may travel as a patch. */
export function mayBePatched({ op, size }: PlanStep): boolean {
  return op === "f" && size >= MIN_FILE_BYTES && size <= MAX_FILE_BYTES;
}

export interface PatchesOptions {
  readonly protocol: AgentProtocol;
  readonly requests: Requests;
  /** True if the agent computes signatures, and the link is not so fast that the whole file arrives as soon. */
  readonly isUseful: () => boolean;
}

/** Finds out which large files of a batch need not travel whole. */
export class Patches {
  readonly #options: PatchesOptions;

  constructor(options: PatchesOptions) {
    this.#options = options;
  }

  /**
   * Patches by the number of the file in the archive. Called in the session's turn to write: it waits for the agent.
   * @throws the archive's errors, and the error that ended the session
   */
  async find(
    batch: Batch,
    request: StageRequest,
    operation: Operation,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, Patch>> {
    const patches = new Map<number, Patch>();
    const { location } = request;
    const { protocol, requests, isUseful } = this.#options;
    if (protocol.signature === undefined) return patches;
    const usesFormer = isUseful();
    if (!usesFormer && location.kept.length === 0) return patches;
    const timer = setInterval(() => requests.noteLife(), LIFE_SIGN_MS);
    try {
      for (const [member, step] of request.plan.steps.filter(isStaged).entries()) {
        if (!mayBePatched(step)) continue;
        const path = step.replaces === "f" && usesFormer ? step.path : undefined;
        const kept = location.kept.includes(step.value) ? step.value : undefined;
        if (path === undefined && kept === undefined) continue;
        const signature = await this.#signature(
          { location, path, kept, blockBytes: blockBytesFor(step.size) },
          operation,
          signal,
        );
        if (signature === undefined) continue;
        const patch = await cache.get(step.value, signature, () => findPatch(batch, member, step, signature, signal));
        signal.throwIfAborted();
        if (patch !== undefined) patches.set(member, patch);
      }
    } finally {
      clearInterval(timer);
    }
    return patches;
  }

  /** `undefined` where the container has no such files, or cannot read them. */
  #signature(
    request: Omit<SignatureRequest, "id">,
    operation: Operation,
    signal: AbortSignal,
  ): Promise<Signature | undefined> {
    const { protocol, requests } = this.#options;
    const records: string[] = [];
    return requests.sendInTurn<Signature | undefined>({
      signal,
      operation,
      isSlow: true,
      encode: (id) => protocol.signature?.({ ...request, id }) ?? "",
      onRecord: (line) => records.push(line),
      onDone: () => joinSignature(records, request.blockBytes),
    });
  }
}

async function findPatch(
  batch: Batch,
  member: number,
  step: PlanStep,
  signature: Signature,
  signal: AbortSignal,
): Promise<Patch | undefined> {
  const share = signature.kept === "" ? MAX_NEW_SHARE : 1;
  const finder = new BlockFinder(new BlockIndex(signature), step.size * share);
  for await (const bytes of contentsOf(batch, member, signal)) {
    finder.push(bytes);
    if (finder.isHopeless) return undefined;
  }
  return finder.finish();
}
