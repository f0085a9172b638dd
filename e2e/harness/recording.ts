import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { MemberState } from "@kinsync/core/contract";
import { connectCluster } from "@kinsync/core/cluster";
import { formatHistory, parseHistory, recordHistory } from "@kinsync/core/testing";
import type { HistoryRecorder, RecordedKind } from "@kinsync/core/testing";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { statefulset } from "@kinsync/kind-statefulset";
import { crossCheck as crossCheckDeployment } from "../../packages/kind-deployment/test/cross-check.ts";
import { crossCheck as crossCheckJobSet } from "../../packages/kind-jobset/test/cross-check.ts";
import { crossCheck as crossCheckStatefulSet } from "../../packages/kind-statefulset/test/cross-check.ts";

const PACKAGES = resolve(import.meta.dirname, "../../packages");
/** Characters of a file's name, so that it fits everywhere. */
const LONGEST_NAME = 90;

const KINDS: readonly RecordedKind[] = [
  { kind: deployment(), crossCheck: crossCheckDeployment },
  { kind: jobset(), crossCheck: crossCheckJobSet },
  {
    kind: statefulset(),
    crossCheck: crossCheckStatefulSet,
    also: [{ group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions" }],
  },
];

/** The objects of a situation's namespace on their way into `packages/kind-*\/histories`. */
export class Recording implements AsyncDisposable {
  readonly #recorder: HistoryRecorder;
  readonly #situation: string;
  readonly #parts: AsyncDisposableStack;

  private constructor(recorder: HistoryRecorder, situation: string, parts: AsyncDisposableStack) {
    this.#recorder = recorder;
    this.#situation = situation;
    this.#parts = parts;
  }

  static async start(
    kubeconfig: string,
    namespace: string,
    situation: string,
    signal: AbortSignal,
  ): Promise<Recording> {
    await using parts = new AsyncDisposableStack();
    const cluster = parts.use(await connectCluster({ env: process.env, kubeconfig, signal }));
    const recorder = parts.use(await recordHistory({ cluster, namespace, kinds: KINDS, situation, signal }));
    return new Recording(recorder, situation, parts.move());
  }

  /** Where no kind is about the workload, there is nothing to record. */
  async truth(workload: string, members: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    await this.#recorder.truth(workload, members as Readonly<Record<string, MemberState>>, signal);
  }

  /** Writes the histories of the kinds that truths were stated about. */
  async write(): Promise<void> {
    for (const { kind, history } of this.#recorder.histories()) {
      const folder = join(PACKAGES, `kind-${kind.name}`, "histories");
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${slugOf(this.#situation)}.jsonl`);
      const before = await situationOf(file);
      if (before !== undefined && before !== this.#situation) {
        throw new Error(`${file} holds the history of another situation: ${before}`);
      }
      await writeFile(file, formatHistory(history));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]();
  }
}

/** The situation that a file is the history of; `undefined` where there is no such file. */
async function situationOf(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (parseHistory(file, text).origin?.situation ?? "");
}

/** `A StatefulSet, twice: it rolls` is `a-statefulset-twice-it-rolls`. */
function slugOf(situation: string): string {
  const words = situation.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  let slug = "";
  for (const word of words) {
    if (slug.length + word.length > LONGEST_NAME) break;
    slug += slug === "" ? word : `-${word}`;
  }
  return slug;
}
