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

/** Adds pods that the root's objects do not control, although a reference without `controller` leads to them. */
export function checkReferences(one: Objects, judge: JudgeObjects): void {
  const { members } = judge(one);
  const member = members.find(({ by }) => by === "owner")?.pod as KubeObject | undefined;
  if (member === undefined) return;
  const owned = (member.metadata.ownerReferences ?? []).map(({ controller: _, ...reference }) => reference);
  const { apiVersion, kind, metadata } = one.root;
  const toRoot = { apiVersion, kind, name: metadata.name, uid: metadata.uid };
  const stranger = { apiVersion: "example.com/v1", kind: "Stranger", name: "stranger", uid: "stranger", controller: true };
  const added = [
    [...owned, toRoot],
    [...owned, stranger],
    [stranger, toRoot],
  ].map((ownerReferences, at) =>
    deepFreeze({
      ...member,
      metadata: { ...member.metadata, name: `referrer-${at}`, uid: `referrer-${at}`, ownerReferences },
    }),
  );
  const judged = judge({ ...one, objects: [...one.objects, ...added] });
  for (const { pod, by } of judged.members) {
    const isAdded = by === "owner" && added.some((each) => each.metadata.uid === pod.metadata.uid);
    assert.ok(!isAdded, `a pod that only refers to ${kind} ${metadata.name}, without \`controller: true\`, is a member`);
  }
}
