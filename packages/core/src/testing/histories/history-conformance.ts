import assert from "node:assert/strict";
import type { KindPlugin, MemberState } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { eventsOf, isTruth } from "./history.ts";
import type { History, HistoryEvent, HistoryTruth } from "./history.ts";
import { judgeObjects } from "../kinds/kind-view.ts";
import type { JudgedObjects } from "../kinds/kind-view.ts";
import { callPurely, deepFreeze } from "../kinds/purity.ts";
import { describeChanges, KnownObjects, nameIfOfKind, replayHistory } from "./replay.ts";
import { isSameBurst, reorderHistory } from "../kinds/reorder.ts";
import type { ReorderOptions } from "../kinds/reorder.ts";
import { checkWellFormed } from "../kinds/well-formed.ts";
import { seededRandom } from "../kinds/shuffle.ts";
import { sameJson } from "../../kube/trim.ts";

/** A moment with a stated truth. */
export interface TruthMoment {
  readonly truth: HistoryTruth;
  /** `undefined` if the workload does not exist. */
  readonly root: KubeObject | undefined;
  /** All objects of the namespace, including the root. */
  readonly objects: readonly KubeObject[];
}

/**
 * Compares a truth with the controller's counts in the root's status. Returns one sentence for each number that differs; none if
 * they agree, or if the controller has not observed the change yet.
 */
export type CrossCheck = (moment: TruthMoment) => readonly string[];

/** Options of `historyConformance`. */
export interface HistoryConformanceOptions {
  /** Registers one test: `test` of Vitest, of `node:test`, or of any runner of that form. */
  readonly test: (name: string, run: () => void) => unknown;
  /** The other loaded kinds, for a kind that delegates children to them. Default: none. */
  readonly kinds?: readonly KindPlugin[];
  /** Compares each truth with the controller's own counts. Default: they are not compared. */
  readonly crossCheck?: CrossCheck;
  /** Number of orders in which each history is replayed, without and with loss. Default: 25. */
  readonly orders?: number;
  /** Seed of the first order. Default: 1. */
  readonly seed?: number;
}

/** States in which a pod gets no files, and that it leaves only when the workload is changed again. */
const OBSOLETE: ReadonlySet<string> = new Set<MemberState>(["superseded", "terminating", "finished"]);
/** Probability that a watch restarts. */
const LOSS = 0.2;
/** States that a pod never leaves. */
const FINAL: ReadonlySet<string> = new Set<MemberState>(["terminating", "finished"]);

/**
 * Checks a kind against recorded histories. At each truth its members are those that the truth states, in the order of arrival, in
 * other possible orders, and with intermediate states lost. The controller's own counts agree. A pod that is obsolete in two
 * successive truths is not current between them, unless its labels changed. From the first event on the kind judges without an error. Changes are compared with the transcript, if there is one. Between truths a kind
 * may return `unsettled`.
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
  const { test, crossCheck, kinds = [], orders = 25, seed = 1 } = options;
  const subject: Subject = { kind, kinds };
  test(`${kind.name}: there are histories, and their truths are about the kind`, () => {
    assert.notEqual(histories.length, 0, "there are no histories");
    assert.deepEqual(
      histories.flatMap((history) => lintHistory(kind, history)),
      [],
    );
  });
  for (const history of histories) {
    const lines = deepFreeze(structuredClone(history.lines));
    const requirement = (name: string, run: () => void): unknown => test(`${kind.name}: ${history.name}: ${name}`, run);
    requirement("at each truth the members are as it states", () => checkTruths(subject, lines));
    if (history.transcript !== undefined) {
      requirement("each change is that of the transcript", () => {
        assert.deepEqual([...describeChanges(replayHistory(kind, eventsOf(history), { kinds }))], history.transcript);
      });
    }
    if (crossCheck !== undefined) {
      requirement("the controller counts what the truths state", () => checkCounts(kind, lines, crossCheck));
    }
    requirement("what two truths agree on holds between them", () => checkBetween(subject, lines));
    const reordered = (reorder: ReorderOptions, check: Check): void => {
      for (let order = 0; order < orders; order++) {
        inOrder(seed + order, () => check(subject, reorderHistory(lines, seededRandom(seed + order), reorder)));
      }
    };
    requirement("in other orders of the watches the truths hold", () => reordered({}, checkTruths));
    requirement("in other orders of the watches what two truths agree on holds", () => reordered({}, checkBetween));
    requirement("with restarted watches the truths hold", () => reordered({ loss: LOSS }, checkTruths));
    requirement("with restarted watches what two truths agree on holds", () =>
      reordered({ loss: LOSS }, (subject, lines) => checkBetween(subject, lines, isSameBurst)),
    );
  }
}

/**
 * Names of the histories that a kind fails, so that a test can show that they detect a wrong rule. Transcripts are ignored: they
 * contain the messages of the right rule.
 */
export function failingHistories(
  kind: KindPlugin,
  histories: readonly History[],
  { kinds = [] }: Pick<HistoryConformanceOptions, "kinds"> = {},
): readonly string[] {
  const failing = new Set<string>();
  for (const history of histories) {
    const test = (_name: string, run: () => void): void => {
      try {
        run();
      } catch {
        failing.add(history.name);
      }
    };
    historyConformance(kind, [{ ...history, transcript: undefined }], { test, kinds, orders: 1 });
  }
  return [...failing];
}

/** A kind, and the kinds to which it delegates. */
interface Subject {
  readonly kind: KindPlugin;
  readonly kinds: readonly KindPlugin[];
}

type Check = (subject: Subject, lines: readonly (HistoryEvent | HistoryTruth)[]) => void;

/** Errors of a history itself, one sentence each. */
function lintHistory(kind: KindPlugin, { name, lines }: History): string[] {
  const truths = lines.filter(isTruth);
  const problems = truths
    .filter(({ truth }) => nameIfOfKind(kind, truth.workload) === undefined)
    .map(({ at, truth }) => `${name}: the truth at ${at} is about ${truth.workload}, which is not a ${kind.root.kind}`);
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

/** The truths of a history, each with the objects at that moment. */
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

function checkTruths({ kind, kinds }: Subject, lines: readonly (HistoryEvent | HistoryTruth)[]): void {
  for (const { truth, root, objects } of momentsOf(kind, lines)) {
    const judged = root === undefined ? undefined : callPurely(() => judgeObjects(kind, root, objects, { kinds }));
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

/** The state that two successive truths, or the first alone, imply for a pod until the second. */
interface Promised {
  readonly state: MemberState;
  readonly since: number;
}

/**
 * Judges after every event from the first on, or every burst of events. A pod that is obsolete in two successive truths, or no longer a member in the
 * second, must not be current between them. A pod that is current in both must not be obsolete between them. Nothing is required of a pod
 * whose labels the second truth has changed.
 */
function checkBetween(
  subject: Subject,
  lines: readonly (HistoryEvent | HistoryTruth)[],
  goesOn: typeof isSameBurst = () => false,
): void {
  const { kind } = subject;
  for (const workload of new Set(lines.filter(isTruth).map(({ truth }) => truth.workload))) {
    const name = nameIfOfKind(kind, workload);
    const truths = [...momentsOf(kind, lines)].filter(({ truth }) => truth.truth.workload === workload);
    const known = new KnownObjects();
    let promises: ReadonlyMap<string, Promised> = new Map();
    for (const [at, line] of lines.entries()) {
      if (isTruth(line)) {
        const place = truths.findIndex(({ truth }) => truth === line);
        if (place >= 0) promises = promisesOf(truths[place], truths[place + 1]);
        continue;
      }
      known.take(line);
      const root = known.rootOf(kind, name);
      if (root === undefined || goesOn(line, lines[at + 1])) continue;
      const judged = judgeAfter(line, subject, root, [...known.objects.values()]);
      for (const { pod, verdict } of judged.members) {
        const promised = promises.get(pod.metadata.uid);
        if (promised === undefined) continue;
        const isKept = promised.state === "current" ? !OBSOLETE.has(verdict.state) : verdict.state !== "current";
        assert.ok(
          isKept,
          `${pod.metadata.name} is ${promised.state} since ${promised.since} ms, ` +
            `and ${verdict.state} after the event of ${line.at} ms: ${verdict.reason.message}`,
        );
      }
    }
  }
}

/** Also before the first truth, when objects have no status yet, the kind must judge. */
function judgeAfter(
  { at }: HistoryEvent,
  { kind, kinds }: Subject,
  root: KubeObject,
  objects: readonly KubeObject[],
): JudgedObjects {
  const where = `${root.kind} ${root.metadata.name} after the event of ${at} ms`;
  let judged: JudgedObjects;
  try {
    judged = judgeObjects(kind, root, objects, { kinds });
  } catch (error) {
    throw new assert.AssertionError({ message: `the kind throws for ${where}: ${String(error)}` });
  }
  checkWellFormed(judged, `${where}: `);
  return judged;
}

function promisesOf(first: TruthMoment | undefined, next: TruthMoment | undefined): ReadonlyMap<string, Promised> {
  const promises = new Map<string, Promised>();
  if (first === undefined) return promises;
  const later = next === undefined ? undefined : statesByUid(next);
  const [labels, laterLabels] = [labelsByUid(first), next === undefined ? undefined : labelsByUid(next)];
  for (const [uid, state] of statesByUid(first)) {
    // An update in place gives a pod to another revision: between the truths it may have been obsolete.
    if (!FINAL.has(state) && laterLabels?.has(uid) === true && !sameJson(laterLabels.get(uid), labels.get(uid)))
      continue;
    const holds =
      state === "current"
        ? later?.get(uid) === "current"
        : FINAL.has(state) || (OBSOLETE.has(state) && later !== undefined && OBSOLETE.has(later.get(uid) ?? state));
    if (holds) promises.set(uid, { state, since: first.truth.at });
  }
  return promises;
}

function statesByUid({ truth, objects }: TruthMoment): ReadonlyMap<string, MemberState> {
  const { members } = truth.truth;
  return new Map(
    objects.flatMap(({ kind, metadata: { name, uid } }) => {
      const state = kind === "Pod" ? members[name] : undefined;
      return state === undefined ? [] : [[uid, state] as const];
    }),
  );
}

function labelsByUid({ objects }: TruthMoment): ReadonlyMap<string, Readonly<Record<string, string>>> {
  return new Map(objects.map(({ metadata: { uid, labels = {} } }) => [uid, labels]));
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
