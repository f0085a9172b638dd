import { randomBytes } from "node:crypto";
import { KinsyncError, type Batch, type Receipt, type ReceiptNote, type Stage } from "@kinsync/core/contract";
import { planCommit, type CommitPlan } from "../commit/commit-plan.ts";
import { journalLines } from "../commit/manifest.ts";
import type { PlacedTimes } from "../commit/placed-times.ts";
import { StagedBatch } from "../commit/staged-batch.ts";
import type { CommitRequest, RootLocation } from "../protocol/agent-protocol.ts";
import type { AgentNote } from "../protocol/answers.ts";
import type { RequestText } from "../protocol/request-text.ts";
import { oneLine } from "../stream/one-line.ts";
import { nameOf } from "../stream/target-error.ts";
import type { MarkerWriter } from "./marker.ts";
import { StageSender, type StageSenderOptions } from "./stage-sender.ts";

const EMPTY_PLAN: CommitPlan = { steps: [], count: 0 };
const UNKNOWN_LOCATION: RootLocation = { claim: 0, root: "", state: "", mounts: [], kept: [] };

export interface BatchesOptions extends StageSenderOptions {
  readonly marker: MarkerWriter;
  readonly placedTimes: PlacedTimes;
  /** Aborts when the session ends. */
  readonly closing: AbortSignal;
}

/** A build that runs beside kinsync compares times with seconds. */
const STALE_AFTER_MS = 1_000;

/** Containers that commit at one moment may share processors: what need not be done then waits as long. */
const REMOVE_AFTER_MS = 250;

/** Stages, commits and discards the batches of one session. */
export class Batches implements Disposable {
  readonly #options: BatchesOptions;
  readonly #sender: StageSender;
  /** Batches that are staged, and neither committed nor discarded. */
  readonly #waiting = new Set<StagedBatch>();
  /** A commit left its stage: the request that removes it, which is due then, or before the next one about a stage. */
  #left: { readonly timer: NodeJS.Timeout; readonly removal: string } | undefined;

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.#sender = new StageSender(options);
  }

  stage(batch: Batch, signal: AbortSignal): Stage {
    const { requests, protocol } = this.#options;
    const id = requests.reserveId();
    const inPlace = batch.root.inPlace === true;
    const common = { id, location: UNKNOWN_LOCATION, inPlace };
    let staged: StagedBatch;
    try {
      staged = new StagedBatch(batch, {
        ...common,
        name: stageName(),
        plan: planCommit(batch),
        placed: journalLines("+", batch.placed),
        unplaced: journalLines("-", batch.unplaced),
      });
    } catch (error) {
      staged = new StagedBatch(batch, { ...common, name: "", plan: EMPTY_PLAN, placed: "", unplaced: "" });
      staged.settle.reject(error);
      return staged;
    }
    const onStaged = (): void => void (staged.spent || this.#waiting.add(staged));
    staged.ready.then(onStaged, () => {});
    const send = async (): Promise<void> => {
      requests.writeText(this.#removal());
      await this.#sender.send(staged, signal);
      if (staged.isAhead) requests.writeText(protocol.ahead?.prepare(this.#commitOf(staged)) ?? []);
    };
    requests
      .inOrder(send, { mayOvertake: () => staged.mayOvertake })
      .catch((error: unknown) => staged.settle.reject(error));
    return staged;
  }

  async commit(stage: Stage, signal: AbortSignal): Promise<Receipt> {
    const { requests, placedTimes, operation } = this.#options;
    const staged = own(stage);
    const { batch } = staged;
    if (staged.spent) throw new KinsyncError("KINSYNC_INTERNAL", "a batch was committed or discarded twice");
    staged.spent = true;
    this.#waiting.delete(staged);
    // What is committed together changes together: only the last one waits for other containers.
    staged.requestCommit(this.#waiting.size === 0);
    const doing = operation("write to", batch.root);
    const count = await requests
      .send<number>({
        signal,
        operation: doing,
        order: { mayOvertake: () => staged.mayOvertake },
        encode: (id) => [...this.#removal(), this.#encodeCommit(staged, id)].flat(),
        onNote: (note) => staged.notes.push(note),
        onDone: (rest) => {
          placedTimes.note(batch);
          return Number(rest);
        },
        onFailure: (failure) => (failure.kind === "UNSTAGED" ? staged.failure?.error : undefined),
      })
      .finally(() => {
        this.#removeLater(staged);
      })
      .catch((error: unknown) => {
        if (staged.held !== undefined) staged.settle.reject(error);
        throw error;
      });
    staged.settle.resolve();
    if (!Number.isInteger(count)) {
      throw new KinsyncError("KINSYNC_INTERNAL", `${nameOf(doing.target)}: the receipt has no count`);
    }
    const notes = receiptNotes(staged.notes, doing.root);
    return {
      snapshot: batch.snapshot,
      tree: batch.tree,
      count: batch.entries.length,
      ...(notes.length === 0 ? {} : { notes }),
    };
  }

  #encodeCommit(staged: StagedBatch, id: number): RequestText {
    if (staged.failure !== undefined) throw staged.failure.error;
    const { protocol, roots, placedTimes } = this.#options;
    const { batch, held, sentAt } = staged;
    const request: CommitRequest = {
      ...this.#commitOf(staged),
      id,
      isQuiet: placedTimes.areQuiet(batch),
      isJoint: staged.isJoint,
      isStale: sentAt !== undefined && performance.now() - sentAt > STALE_AFTER_MS,
    };
    // From now on, a journal that was compacted before is not the whole one.
    roots.countCommit(batch.root.key);
    if (protocol.save !== undefined && held !== undefined) return protocol.save.write(request, held);
    return staged.isAhead && protocol.ahead !== undefined ? protocol.ahead.commit(request) : protocol.commit(request);
  }

  /** What is known of a commit once its batch is staged, with the ID of the stage. */
  #commitOf({ batch, request }: StagedBatch): Omit<CommitRequest, "isQuiet" | "isStale" | "isJoint"> {
    const { roots, marker } = this.#options;
    return {
      ...request,
      compacts: request.compacted !== undefined && request.compacted === roots.compacted(batch.root.key),
      stage: request.id,
      needle: marker.needle,
      marker: marker.write(batch.root, batch),
    };
  }

  #removeLater(staged: StagedBatch): void {
    const { protocol, requests, closing } = this.#options;
    if (!staged.isAhead || protocol.ahead === undefined || closing.aborted) return;
    const removal = protocol.ahead.removeStage(staged.request.location, staged.request.name);
    // The agent of a session that has ended removes its stages.
    const remove = (): void => void requests.inOrder(() => requests.writeText(this.#removal())).catch(() => {});
    this.#left = { timer: setTimeout(remove, REMOVE_AFTER_MS), removal };
  }

  /** The request to remove what the last commit left; empty where nothing is left. */
  #removal(): readonly string[] {
    const left = this.#left;
    if (left === undefined) return [];
    clearTimeout(left.timer);
    this.#left = undefined;
    return [left.removal];
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#left?.timer);
  }

  async discard(stage: Stage): Promise<void> {
    const { protocol, requests, operation, closing } = this.#options;
    const staged = own(stage);
    if (staged.spent) return;
    staged.spent = true;
    this.#waiting.delete(staged);
    // If it fails, the session ends, and the agent removes its stages then.
    await requests
      .send({
        signal: closing,
        operation: operation("clean up", staged.batch.root),
        encode: (id) => {
          if (staged.failure !== undefined) throw staged.failure.error;
          const { id: stage, location, name } = staged.request;
          const forget = staged.isAhead ? (protocol.ahead?.forget(stage) ?? []) : [];
          return [...this.#removal(), protocol.discard(id, location, name), forget].flat();
        },
        onDone: () => {},
      })
      .catch(() => {});
  }
}

const NOTES: Readonly<Record<string, string>> = {
  mode: "its mode could not be set",
  owner: "its owner could not be set",
  time: "its modification time could not be set",
  rename: "its file system cannot rename folders, so the files of new folders arrived one by one",
};

/** One note for each kind: a batch of thousands of files has one reason. */
function receiptNotes(notes: readonly AgentNote[], root: string): ReceiptNote[] {
  const first = new Map<string, AgentNote>();
  for (const note of notes) if (!first.has(note.code)) first.set(note.code, note);
  return [...first.values()].map(({ code, path, text }) => ({
    code,
    ...(path === undefined ? {} : { path }),
    message: `${root}${path === undefined ? "" : `, ${oneLine(path)}`}: ${NOTES[code] ?? code}: ${oneLine(text)}`,
  }));
}

/** A new name for a folder of staged files. */
export function stageName(): string {
  return `stage-${randomBytes(9).toString("base64url").replaceAll("-", "_")}`;
}

function own(stage: Stage): StagedBatch {
  if (stage instanceof StagedBatch) return stage;
  throw new KinsyncError("KINSYNC_INTERNAL", "exec received a stage of another transport");
}
