import assert from "node:assert/strict";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { ELIGIBLE_STATES, isMemberState } from "../../contract/state.ts";
import type { KindCase } from "./kind-case.ts";
import { isPod, type JudgedObjects } from "./kind-view.ts";
import { callPurely, deepFreeze } from "./purity.ts";

type Objects = Pick<KindCase, "root" | "objects">;

/** Judges other objects than those of the case. */
export type JudgeObjects = (changed: Objects) => JudgedObjects;

/** What the API server leaves out of an object that has none: a controller has not reported yet, nobody set a label. */
const OPTIONAL: Readonly<Record<string, (object: KubeObject) => KubeObject>> = {
  status: ({ status: _status, ...object }) => object,
  "metadata.labels": ({ metadata: { labels: _labels, ...metadata }, ...object }) => ({ ...object, metadata }),
  "metadata.annotations": ({ metadata: { annotations: _annotations, ...metadata }, ...object }) => ({
    ...object,
    metadata,
  }),
};

/** Takes the status, the labels and the annotations from each object in turn. The members may differ; the kind must judge them. */
export function checkMissingFields(one: Objects, judge: JudgeObjects): void {
  for (const [field, without] of Object.entries(OPTIONAL)) {
    for (const object of [one.root, ...one.objects]) {
      const who = `${object.kind} ${object.metadata.name} without ${field}`;
      const changed = replaceObject(one, object, deepFreeze(without(object)));
      let judged: JudgedObjects;
      try {
        judged = judge(changed);
      } catch (error) {
        throw new assert.AssertionError({ message: `the kind throws for ${who}: ${String(error)}` });
      }
      for (const { pod, verdict } of judged.members) {
        assert.ok(isMemberState(verdict.state), `${who}: "${verdict.state as string}" of pod ${pod.metadata.name}`);
      }
    }
  }
}

const ENDINGS: Readonly<Record<string, (pod: KubeObject) => KubeObject>> = {
  "is being deleted": (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
  }),
  "has succeeded": (pod) => ({ ...pod, status: { ...pod.status, phase: "Succeeded" } }),
  "has failed": (pod) => ({ ...pod, status: { ...pod.status, phase: "Failed" } }),
};

/** Ends each pod in turn. */
export function checkEndings(one: Objects, judge: JudgeObjects): void {
  for (const pod of one.objects.filter(isPod)) {
    for (const [how, end] of Object.entries(ENDINGS)) {
      const { members } = judge(replaceObject(one, pod, deepFreeze(end(pod))));
      const state = members.find((member) => member.pod.metadata.uid === pod.metadata.uid)?.verdict.state;
      const getsFiles = state !== undefined && ELIGIBLE_STATES.includes(state);
      assert.ok(!getsFiles, `pod ${pod.metadata.name} is ${state} when it ${how}`);
    }
  }
}

/** Asks for the default container of each member. */
export function checkDefaultContainers(kind: KindPlugin, one: Objects, judge: JudgeObjects): void {
  const { infrastructure = [] } = kind;
  for (const { pod } of judge(one).members) {
    const name = callPurely(() => kind.defaultContainer?.(pod));
    if (name === undefined) continue;
    const { containers, initContainers = [] } = pod.spec;
    const names = [...containers, ...initContainers].map((container) => container.name);
    const who = `pod ${pod.metadata.name}: the default container "${name}"`;
    assert.ok(names.includes(name), `${who} is none of its containers: ${names.join(", ")}`);
    assert.ok(!infrastructure.includes(name), `${who} is listed in \`infrastructure\``);
  }
}

function replaceObject({ root, objects }: Objects, old: KubeObject, fresh: KubeObject): Objects {
  const replaced = objects.map((object) => (object === old ? fresh : object));
  return { root: root === old ? fresh : root, objects: replaced };
}
