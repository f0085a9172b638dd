import assert from "node:assert/strict";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject, Pod } from "../../contract/resource.ts";
import type { MemberState } from "../../contract/state.ts";
import { isPod, type JudgedObjects } from "./kind-view.ts";
import { callPurely, deepFreeze } from "./purity.ts";
import { withObject, type Objects } from "./rewrite.ts";
import { checkWellFormed } from "./well-formed.ts";

/** Judges other objects than those of the case. */
export type JudgeObjects = (changed: Objects) => JudgedObjects;

type Change = readonly [what: string, change: (object: KubeObject) => KubeObject];

/** What the API server leaves out of an object that has none: a controller has not reported yet, nobody set a label. */
const WITHOUT_ALL: readonly Change[] = [
  ["status", ({ status: _status, ...object }) => object],
  ["labels", ({ metadata: { labels: _labels, ...metadata }, ...object }) => ({ ...object, metadata })],
  ["annotations", ({ metadata: { annotations: _annotations, ...metadata }, ...object }) => ({ ...object, metadata })],
];

/** Each label and annotation alone, too: a selector does not deliver an object without the labels that it names. */
function missingFields({ metadata }: KubeObject): readonly Change[] {
  return [
    ...WITHOUT_ALL,
    ...(["labels", "annotations"] as const).flatMap((field) =>
      Object.keys(metadata[field] ?? {}).map((key): Change => {
        const { [key]: _, ...rest } = metadata[field] ?? {};
        return [
          `the ${field.slice(0, -1)} ${key}`,
          (object) => ({ ...object, metadata: { ...metadata, [field]: rest } }),
        ];
      }),
    ),
  ];
}

/** Takes the status, the labels and the annotations from each object in turn. The members may differ; the kind must judge them. */
export function checkMissingFields(one: Objects, judge: JudgeObjects): void {
  for (const object of [one.root, ...one.objects]) {
    for (const [field, without] of missingFields(object)) {
      const who = `${object.kind} ${object.metadata.name} without ${field}`;
      let judged: JudgedObjects;
      try {
        judged = judge(withObject(one, object, deepFreeze(without(object))));
      } catch (error) {
        throw new assert.AssertionError({ message: `the kind throws for ${who}: ${String(error)}` });
      }
      checkWellFormed(judged, `${who}: `);
    }
  }
}

interface Ending {
  readonly end: (pod: KubeObject) => KubeObject;
  /** States of such a pod. */
  readonly states: readonly MemberState[];
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  "is being deleted": {
    end: (pod) => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } }),
    states: ["terminating", "helper"],
  },
  "has succeeded": {
    end: (pod) => ({ ...pod, status: { ...pod.status, phase: "Succeeded" } }),
    states: ["finished", "terminating", "helper"],
  },
  "has failed": {
    end: (pod) => ({ ...pod, status: { ...pod.status, phase: "Failed" } }),
    states: ["finished", "terminating", "helper"],
  },
};

/** Ends each pod in turn. */
export function checkEndings(one: Objects, judge: JudgeObjects): void {
  for (const pod of one.objects.filter(isPod)) {
    for (const [how, { end, states }] of Object.entries(ENDINGS)) {
      const { members } = judge(withObject(one, pod, deepFreeze(end(pod))));
      const state = members.find((member) => member.pod.metadata.uid === pod.metadata.uid)?.verdict.state;
      const isOne = state === undefined || states.includes(state);
      assert.ok(isOne, `pod ${pod.metadata.name} is ${state} when it ${how}, and not ${states.join(" or ")}`);
    }
  }
}

/**
 * Raises the generation of root and objects, as a change of the spec does that no controller has observed, and deletes them. A deletion
 * may settle what was unsettled, since no controller observes it then.
 */
export function checkNewerObjects(one: Objects, judge: JudgeObjects): void {
  const before = judge(one);
  const current = podsIn(before, ["current"]);
  const settling = podsIn(before, ["current", "unsettled"]);
  for (const object of [one.root, ...one.objects]) {
    if (isPod(object)) continue;
    const generation = (object.metadata.generation ?? 0) + 1;
    for (const [how, change, known] of [
      [`is at generation ${generation}`, { generation }, current],
      ["is being deleted", { deletionTimestamp: "2026-01-01T00:00:00Z" }, settling],
    ] as const) {
      const newer = deepFreeze({ ...object, metadata: { ...object.metadata, ...change } });
      const now = podsIn(judge(withObject(one, object, newer)), ["current"]);
      const added = [...now].filter((name) => !known.has(name));
      assert.deepEqual(added, [], `pods become current when ${object.kind} ${object.metadata.name} ${how}`);
    }
  }
}

function podsIn({ members }: JudgedObjects, states: readonly MemberState[]): ReadonlySet<string> {
  return new Set(members.filter(({ verdict }) => states.includes(verdict.state)).map(({ pod }) => pod.metadata.name));
}

/** Asks for the default container of each pod, and whether the kind takes it by its labels; also of a pod that has few fields. */
export function checkAnswersAboutPods(kind: KindPlugin, { root, objects }: Objects): void {
  for (const pod of objects.filter(isPod)) {
    const { labels: _labels, annotations: _annotations, ...metadata } = pod.metadata;
    const { status: _status, ...rest } = pod;
    const plain = deepFreeze({ ...rest, metadata });
    checkDefaultContainer(kind, pod);
    checkDefaultContainer(kind, plain);
    const who = `pod ${metadata.name}`;
    const isMatched: unknown = callPurely(() => kind.matchesByLabels?.(root, pod) ?? false);
    assert.equal(typeof isMatched, "boolean", `matchesByLabels returns ${typeof isMatched} for ${who}`);
    const isPlainMatched = callPurely(() => kind.matchesByLabels?.(root, plain) ?? false);
    assert.ok(!isPlainMatched, `matchesByLabels matches ${who} without labels`);
  }
}

function checkDefaultContainer(kind: KindPlugin, pod: Pod): void {
  const { infrastructure = [] } = kind;
  const name = callPurely(() => kind.defaultContainer?.(pod));
  if (name === undefined) return;
  const { containers, initContainers = [] } = pod.spec;
  const names = [...containers, ...initContainers].map((container) => container.name);
  const who = `pod ${pod.metadata.name}: the default container "${name}"`;
  assert.ok(names.includes(name), `${who} is none of its containers: ${names.join(", ")}`);
  assert.ok(!infrastructure.includes(name), `${who} is listed in \`infrastructure\``);
}
