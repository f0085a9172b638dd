import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { connectCluster } from "@kinsync/core/cluster";
import type { MemberState } from "@kinsync/core/contract";
import { formatHistory, parseHistory, recordHistory } from "@kinsync/core/testing";
import type { HistoryRecorder } from "@kinsync/core/testing";
import type { KindWithFolder } from "./recorded-kinds.ts";
import { recordingName } from "./recording-name.ts";

const PACKAGES = resolve(import.meta.dirname, "../../packages");

/** Records the objects of a situation's namespace for the folders of its kinds. */
export class Recording implements AsyncDisposable {
  readonly #recorder: HistoryRecorder;
  readonly #situation: string;
  readonly #kinds: readonly KindWithFolder[];
  readonly #resources: AsyncDisposableStack;

  private constructor(
    recorder: HistoryRecorder,
    situation: string,
    kinds: readonly KindWithFolder[],
    resources: AsyncDisposableStack,
  ) {
    this.#recorder = recorder;
    this.#situation = situation;
    this.#kinds = kinds;
    this.#resources = resources;
  }

  static async start(
    kubeconfig: string,
    namespace: string,
    situation: string,
    kinds: readonly KindWithFolder[],
    signal: AbortSignal,
  ): Promise<Recording> {
    await using resources = new AsyncDisposableStack();
    const cluster = resources.use(await connectCluster({ env: process.env, kubeconfig, signal }));
    const recorder = resources.use(await recordHistory({ cluster, namespace, kinds, scenario: situation, signal }));
    return new Recording(recorder, situation, kinds, resources.move());
  }

  /** Records a truth. Does nothing for a workload of another kind. */
  async recordTruth(workload: string, members: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    await this.#recorder.recordTruth(workload, members as Readonly<Record<string, MemberState>>, signal);
  }

  /**
   * Writes the histories of the kinds with a truth.
   * @throws if the situation's name is too long for a file name, or the file holds the history of another situation
   */
  async write(): Promise<void> {
    for (const { kind, history } of this.#recorder.histories()) {
      const folder = join(PACKAGES, this.#kinds.find((each) => each.kind === kind)?.folder ?? "");
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${recordingName(this.#situation)}.jsonl`);
      const previous = await situationIn(file);
      if (previous !== undefined && previous !== this.#situation) {
        throw new Error(`${file} holds the history of another situation: ${previous}`);
      }
      await writeFile(file, formatHistory(history));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }
}

/** The situation of a recorded file; `undefined` if the file does not exist. */
async function situationIn(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (parseHistory(file, text).origin?.scenario ?? "");
}
