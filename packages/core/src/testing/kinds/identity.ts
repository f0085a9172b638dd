import assert from "node:assert/strict";
import type { KubeObject } from "../../contract/resource.ts";
import type { JudgeObjects } from "./derived-cases.ts";
import { isPod } from "./kind-view.ts";
import { deepFreeze } from "./purity.ts";
import { unmentioned, withNames, withUids, type Objects } from "./rewrite.ts";
import { rulingsOf } from "./rulings.ts";

/** Gives pods and the objects between other names, and pods each other's. Names that something refers to stay. */
export function checkNames(one: Objects, judge: JudgeObjects): void {
  const expected = rulingsOf(judge(one));
  const free = unmentioned(one);
  const fresh = new Map(free.map(({ metadata }, at) => [metadata.uid, `renamed${"abcdefghij"[at % 10]}x${at}y`]));
  const pods = free.filter(isPod);
  const exchanged = new Map(
    pods.map(({ metadata }, at) => [metadata.uid, pods[(at + 1) % pods.length]?.metadata.name ?? metadata.name]),
  );
  for (const [how, names] of [
    ["other names", fresh],
    ["names of other pods", exchanged],
  ] as const) {
    assert.deepEqual(
      rulingsOf(judge(withNames(one, (uid) => names.get(uid)))),
      expected,
      `${how} change the answer: what the kind reads from a name belongs into a label or an owner reference`,
    );
  }
}

/** Creates each pod again under its name, and everything with UIDs that sort in the opposite order. */
export function checkUids(one: Objects, judge: JudgeObjects): void {
  const expected = rulingsOf(judge(one));
  for (const pod of one.objects.filter(isPod)) {
    const { name, uid } = pod.metadata;
    for (const first of ["0", "f"]) {
      const fresh = `${first.repeat(8)}-1111-4111-8111-111111111111`;
      const judged = judge(withUids(one, (text) => (text === uid ? fresh : undefined)));
      const found = rulingsOf(judged, (text) => (text === fresh ? uid : text));
      assert.deepEqual(found, expected, `pod ${name} with the UID ${fresh} gets another answer`);
    }
  }
  const sorted = [one.root, ...one.objects].map(({ metadata }) => metadata.uid).toSorted();
  const fresh = new Map(sorted.map((uid, at) => [uid, `reversed-${String(sorted.length - at).padStart(5, "0")}`]));
  const former = new Map([...fresh].map(([uid, text]) => [text, uid]));
  const judged = judge(withUids(one, (uid) => fresh.get(uid)));
  assert.deepEqual(
    rulingsOf(judged, (uid) => former.get(uid) ?? uid),
    expected,
    "the order of the UIDs decides",
  );
}

/** Adds pods, and objects between, that the root's objects do not control, although a reference without `controller` leads to them. */
export function checkReferences(one: Objects, judge: JudgeObjects): void {
  const { members } = judge(one);
  const pod: KubeObject | undefined = members.find(({ by }) => by === "owner")?.pod;
  if (pod === undefined) return;
  const owners = new Set(members.flatMap((member) => member.pod.metadata.ownerReferences ?? []).map(({ uid }) => uid));
  const between = one.objects.filter((object) => !isPod(object) && owners.has(object.metadata.uid));
  const added = [
    ...referrers(one.root, pod),
    ...between.flatMap((owner) => referrers(one.root, owner).flatMap((each) => [each, controlledBy(each, pod)])),
  ].map((object, at) => (isPod(object) ? renamedPod(object, `referrer-${at}`) : object));
  const judged = judge({ ...one, objects: [...one.objects, ...added.map(deepFreeze)] });
  const { kind, metadata } = one.root;
  for (const member of judged.members) {
    const isAdded = member.by === "owner" && added.some((each) => each.metadata.uid === member.pod.metadata.uid);
    const why = `a pod is a member through a reference without \`controller: true\``;
    assert.ok(!isAdded, `${why}: ${kind} ${metadata.name} or its objects only refer to it`);
  }
}

/** Copies of an object that refer to its owner and to the root, and are controlled by neither. */
function referrers(root: KubeObject, object: KubeObject): readonly KubeObject[] {
  const former = (object.metadata.ownerReferences ?? []).map(({ controller: _controller, ...reference }) => reference);
  const { controller: _controller, ...toRoot } = referenceTo(root);
  const stranger = {
    apiVersion: "example.com/v1",
    kind: "Stranger",
    name: "stranger",
    uid: "stranger",
    controller: true,
  };
  return [
    [...former, toRoot],
    [...former, stranger],
    [stranger, toRoot],
  ].map((ownerReferences, at) => {
    const { name, uid } = object.metadata;
    return {
      ...object,
      metadata: { ...object.metadata, name: `${name}-referrer-${at}`, uid: `${uid}-referrer-${at}`, ownerReferences },
    };
  });
}

function controlledBy(owner: KubeObject, pod: KubeObject): KubeObject {
  return { ...pod, metadata: { ...pod.metadata, ownerReferences: [referenceTo(owner)] } };
}

function renamedPod(pod: KubeObject, name: string): KubeObject {
  return { ...pod, metadata: { ...pod.metadata, name, uid: name } };
}

function referenceTo({ apiVersion, kind, metadata: { name, uid } }: KubeObject) {
  return { apiVersion, kind, name, uid, controller: true };
}
