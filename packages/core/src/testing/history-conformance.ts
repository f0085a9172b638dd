import assert from "node:assert/strict";
import type { KindPlugin, MemberState } from "../contract/kind.ts";
import type { KubeObject } from "../contract/resource.ts";
import { eventsOf, isTruth } from "./history.ts";
import type { History, HistoryEvent, HistoryTruth } from "./history.ts";
import { judgeObjects } from "./kind-view.ts";
import type { JudgedObjects } from "./kind-view.ts";
import { callPurely, deepFreeze } from "./purity.ts";
import { describeChanges, KnownObjects, nameIfOfKind, replayHistory } from "./replay.ts";
import { reorderHistory } from "./reorder.ts";
import type { ReorderOptions } from "./reorder.ts";
import { seededRandom } from "./shuffle.ts";

/** A moment of which the truth is known. */
export interface TruthMoment {
  readonly truth: HistoryTruth;
  /** `undefined` where there is no such workload. */
  readonly root: KubeObject | undefined;
  /** Everything in the namespace, the root too. */
  readonly objects: readonly KubeObject[];
}

/**
 * Compares a truth with what the controller counts in the root's status. One sentence for each number that differs; none where
 * they agree, or where the controller has not looked yet.
 */
export type CrossCheck = (moment: TruthMoment) => readonly string[];

/** What the caller hands to `historyConformance`. */
export interface HistoryConformanceOptions {
  /** Registers one test: `test` of Vitest, of `node:test`, or of any runner of that form. */
  readonly test: (name: string, run: () => void) => unknown;
  /** Compares each truth with the controller's own counts. Default: they are not compared. */
  readonly crossCheck?: CrossCheck;
  /** Orders that each history is played in, and as often with loss. Default: 25. */
  readonly orders?: number;
  /** Seed of the first order. Default: 1. */
  readonly seed?: number;
}

/** States in which a pod gets no file, and that a pod leaves only where the workload is changed again. */
const OBSOLETE: ReadonlySet<string> = new Set<MemberState>(["superseded", "terminating", "finished"]);
/** States that a pod never leaves. */
const FINAL: ReadonlySet<string> = new Set<MemberState>(["terminating", "finished"]);

/**
 * Proves a kind on recorded histories: at each truth its members are those that the truth states, in the order of arrival, in
 * other legal orders, and where intermediate states were lost; the controller's own counts agree; and between two truths that
 * call a pod obsolete it is not current. Changes are compared with the transcript where there is one. In between a kind may say
 * `unsettled`.
 *
 * ```ts
 * import { test } from "vitest";
 * historyConformance(myKind(), loadHistories(new URL("../histories/", import.meta.url)), { test });
 * ```
 */
export function historyConformance(
  kind: KindPlugin,
  histories: readonly History[],
  options: HistoryConformanceOptions,
): void {
  const { test, crossCheck, orders = 25, seed = 1 } = options;
  test(`${kind.name}: there are histories, and their truths are about the kind`, () => {
    assert.notEqual(histories.length, 0, "there are no histories");
    assert.deepEqual(
      histories.flatMap((history) => lintHistory(kind, history)),
      [],
    );
  });
  for (const history of histories) {
    const lines = deepFreeze(structuredClone(history.lines));
    const law = (name: string, run: () => void): unknown => test(`${kind.name}: ${history.name}: ${name}`, run);
    law("at each truth the members are as it states", () => checkTruths(kind, lines));
    if (history.transcript !== undefined) {
      law("each change is told as it was", () => {
        assert.deepEqual([...describeChanges(replayHistory(kind, eventsOf(history)))], history.transcript);
      });
    }
    if (crossCheck !== undefined) {
      law("the controller counts what the truths state", () => checkCounts(kind, lines, crossCheck));
    }
    law("who is obsolete is not current in between", () => checkObsolete(kind, lines));
    const reordered = (reorder: ReorderOptions): void => {
      for (let order = 0; order < orders; order++) {
        inOrder(seed + order, () => checkTruths(kind, reorderHistory(lines, seededRandom(seed + order), reorder)));
      }
    };
    law("however the watches overtake each other, the truths are told", () => reordered({}));
    law("with intermediate states lost, the truths are told", () => reordered({ loss: 0.5 }));
  }
}

/** What is wrong with a history itself, one sentence each. */
function lintHistory(kind: KindPlugin, { name, lines }: History): string[] {
  const truths = lines.filter(isTruth);
  const problems = truths
    .filter(({ truth }) => nameIfOfKind(kind, truth.workload) === undefined)
    .map(({ at, truth }) => `${name}: the truth at ${at} is about ${truth.workload}, which is no ${kind.root.kind}`);
  return truths.length === 0 ? [...problems, `${name}: it states no truth`] : problems;
}

function inOrder(seed: number, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof Error) error.message = `in the order of seed ${seed}: ${error.message}`;
    throw error;
  }
}

/** The truths of a history, with what is known at each. */
function* momentsOf(
  kind: KindPlugin,
  lines: readonly (HistoryEvent | HistoryTruth)[],
): Generator<TruthMoment, void, undefined> {
  const known = new KnownObjects();
  for (const line of lines) {
    if (!isTruth(line)) known.take(line);
    else {
      const root = known.rootOf(kind, nameIfOfKind(kind, line.truth.workload));
      yield { truth: line, root, objects: [...known.objects.values()] };
    }
  }
}

function checkTruths(kind: KindPlugin, lines: readonly (HistoryEvent | HistoryTruth)[]): void {
  for (const { truth, root, objects } of momentsOf(kind, lines)) {
    const judged = root === undefined ? undefined : callPurely(() => judgeObjects(kind, root, objects));
    assert.deepEqual(
      sorted(statesOf(judged)),
      sorted(truth.truth.members),
      `the members of ${truth.truth.workload} at ${truth.at} ms:\n${describeMembers(judged)}`,
    );
  }
}

function checkCounts(kind: KindPlugin, lines: readonly (HistoryEvent | HistoryTruth)[], crossCheck: CrossCheck): void {
  for (const moment of momentsOf(kind, lines)) {
    assert.deepEqual(crossCheck(moment), [], `${moment.truth.truth.workload} at ${moment.truth.at} ms`);
  }
}

/** A pod that two truths in a row call obsolete, or the second one no member any more, must not be current between them. */
function checkObsolete(kind: KindPlugin, lines: readonly (HistoryEvent | HistoryTruth)[]): void {
  const workloads = new Set(lines.filter(isTruth).map(({ truth }) => truth.workload));
  for (const workload of workloads) {
    const name = nameIfOfKind(kind, workload);
    const known = new KnownObjects();
    let obsolete = new Map<string, number>();
    for (const [place, line] of lines.entries()) {
      if (isTruth(line)) {
        if (line.truth.workload !== workload) continue;
        const next = lines.slice(place + 1).find((other) => isTruth(other) && other.truth.workload === workload);
        const later = next !== undefined && isTruth(next) ? next.truth.members : undefined;
        obsolete = new Map(
          [...known.objects.values()]
            .filter(({ kind, metadata: { name } }) => {
              const state = line.truth.members[name];
              if (kind !== "Pod" || state === undefined || !OBSOLETE.has(state)) return false;
              return FINAL.has(state) || (later !== undefined && OBSOLETE.has(later[name] ?? "superseded"));
            })
            .map(({ metadata }) => [metadata.uid, line.at]),
        );
        continue;
      }
      known.take(line);
      const root = known.rootOf(kind, name);
      if (root === undefined || obsolete.size === 0) continue;
      const judged = callPurely(() => judgeObjects(kind, root, [...known.objects.values()]));
      for (const { pod, verdict } of judged.members) {
        const since = obsolete.get(pod.metadata.uid);
        assert.ok(
          since === undefined || verdict.state !== "current",
          `${pod.metadata.name} is obsolete since ${since} ms and current at ${line.at} ms: ${verdict.reason.message}`,
        );
      }
    }
  }
}

function statesOf(judged: JudgedObjects | undefined): Readonly<Record<string, MemberState>> {
  return Object.fromEntries(
    judged?.members.map(({ pod, verdict }) => [pod.metadata.name, verdict.state] as const) ?? [],
  );
}

function sorted(states: Readonly<Record<string, MemberState>>): Readonly<Record<string, MemberState>> {
  return Object.fromEntries(Object.entries(states).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function describeMembers(judged: JudgedObjects | undefined): string {
  return (judged?.members ?? [])
    .map(({ pod, verdict }) => `  ${pod.metadata.name}: ${verdict.state}: ${verdict.reason.message}`)
    .join("\n");
}
