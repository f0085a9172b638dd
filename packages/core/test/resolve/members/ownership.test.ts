import fc from "fast-check";
import { expect, test } from "vitest";
import type { KubeObject, Pod, ResourceType } from "../../../src/contract/index.ts";
import { walkDown, type Layer } from "../../../src/resolve/members/ownership.ts";
import { ObjectStore } from "../../../src/kube/store.ts";
import { CLUSTER_TEAMS, JOBS, object, ownerReference, PODS, pod, STATEFULSETS, TEAMS } from "../../support/objects.ts";

const root = object(TEAMS, "root");

function layer(
  resource: ResourceType,
  objects: readonly (KubeObject | Pod)[],
  owner: Layer["owner"] = "controller",
): Layer {
  const store = new ObjectStore((raw) => structuredClone(raw) as KubeObject);
  for (const one of objects) store.put(one);
  return { resource, owner, store };
}

function names(objects: readonly KubeObject[] | undefined): string[] | undefined {
  return objects?.map((one) => one.metadata.name);
}

test("objects without pods are owned, too", () => {
  const walk = walkDown(root, [layer(JOBS, [object(JOBS, "idle", { owner: root })])]);
  expect(names(walk.owned)).toEqual(["idle"]);
  expect(walk.pods).toEqual([]);
});

test("a reference that does not control counts only if the watch allows it", () => {
  const guest = object(JOBS, "guest", { owner: root, controller: false });
  const child = pod("child", { owner: guest });
  expect(walkDown(root, [layer(JOBS, [guest]), layer(PODS, [child])]).pods).toEqual([]);
  expect(names(walkDown(root, [layer(JOBS, [guest], "any"), layer(PODS, [child])]).pods)).toEqual(["child"]);
});

test("of two paths the shortest is used, then the one with the smallest UID", () => {
  const a = object(JOBS, "a", { owner: root });
  const b = object(JOBS, "b", { owner: root });
  const far = object(STATEFULSETS, "far", { owner: a });
  const child = pod("child", { owners: [ownerReference(far), ownerReference(b), ownerReference(a)] });
  const walk = walkDown(root, [layer(JOBS, [b, a]), layer(STATEFULSETS, [far]), layer(PODS, [child])]);
  expect(names(walk.chainOf(child, "controller"))).toEqual(["a"]);
});

test("a cycle ends, also one through the root", () => {
  const a = object(JOBS, "a", { owners: [ownerReference(root), ownerReference(object(JOBS, "b"))] });
  const b = object(JOBS, "b", { owner: a });
  const self = object(JOBS, "self", { owners: [ownerReference(root), ownerReference(object(JOBS, "self"))] });
  const loop = pod("loop", { owners: [ownerReference(b), ownerReference(pod("loop"))] });
  const walk = walkDown(root, [layer(JOBS, [a, b, self]), layer(PODS, [loop])]);
  expect(names(walk.owned)).toEqual(["a", "b", "loop", "self"]);
  expect(names(walk.chainOf(loop, "controller"))).toEqual(["b", "a"]);
});

test("a reference across namespaces is ignored, one to a cluster-scoped owner is not", () => {
  const elsewhere = object(JOBS, "elsewhere", { namespace: "other", owner: root });
  expect(walkDown(root, [layer(JOBS, [elsewhere])]).owned).toEqual([]);
  const wide = object(CLUSTER_TEAMS, "wide");
  const here = object(JOBS, "here", { owner: wide });
  expect(names(walkDown(wide, [layer(JOBS, [here])]).owned)).toEqual(["here"]);
});

test("an owner of the right name and the wrong UID owns nothing", () => {
  const former = object(TEAMS, "root", { uid: "uid-former" });
  expect(walkDown(root, [layer(JOBS, [object(JOBS, "a", { owner: former })])]).owned).toEqual([]);
});

/** The definition itself, without an index: a pod is owned if some way of valid references leads up to the root. */
function isOwnedByDefinition(
  one: KubeObject,
  all: ReadonlyMap<string, KubeObject>,
  seen: ReadonlySet<string>,
): boolean {
  return (one.metadata.ownerReferences ?? []).some((reference) => {
    if (reference.controller !== true || seen.has(reference.uid)) return false;
    if (reference.uid === root.metadata.uid) return one.metadata.namespace === root.metadata.namespace;
    const owner = all.get(reference.uid);
    if (owner === undefined || owner.metadata.namespace !== one.metadata.namespace) return false;
    return isOwnedByDefinition(owner, all, new Set([...seen, reference.uid]));
  });
}

test("in any graph of references, in any order of arrival, exactly the objects with a path to the root are owned", () => {
  const uids = ["root", "a", "b", "c", "d", "e", "f", "g"];
  const oneObject = fc.record({
    isPod: fc.boolean(),
    namespace: fc.constantFrom("ml", "ml", "ml", "other"),
    owners: fc.array(fc.record({ to: fc.constantFrom(...uids), controller: fc.boolean() }), { maxLength: 3 }),
  });
  const web = fc.tuple(...uids.slice(1).map(() => oneObject));
  fc.assert(
    fc.property(web, fc.array(fc.nat(), { minLength: 7, maxLength: 7 }), (parts, keys) => {
      const objects = parts.map(({ isPod, namespace, owners }, at) => {
        const references = owners.map(({ to, controller }) => ({
          ...ownerReference(object(TEAMS, to), controller),
        }));
        const name = uids[at + 1] as string;
        return isPod
          ? pod(name, { namespace, owners: references })
          : object(JOBS, name, { namespace, owners: references });
      });
      const build = (list: readonly KubeObject[]): ReturnType<typeof walkDown> =>
        walkDown(root, [
          layer(
            JOBS,
            list.filter((one) => one.kind === "Job"),
          ),
          layer(
            PODS,
            list.filter((one) => one.kind === "Pod"),
          ),
        ]);
      const walk = build(objects);
      const all = new Map<string, KubeObject>(objects.map((one) => [one.metadata.uid, one]));
      const expected = objects.filter((one) => isOwnedByDefinition(one, all, new Set([one.metadata.uid])));
      expect(names(walk.pods)).toEqual(names(expected.filter((one) => one.kind === "Pod")));
      for (const one of objects) {
        expect(walk.chainOf(one, "controller") !== undefined).toBe(expected.includes(one));
      }
      const shuffled = objects.map((one, at) => ({ one, key: keys[at] ?? 0 })).sort((x, y) => x.key - y.key);
      const again = build(shuffled.map(({ one }) => one));
      expect(names(again.owned)).toEqual(names(walk.owned));
      for (const one of objects) {
        expect(names(again.chainOf(one, "controller"))).toEqual(names(walk.chainOf(one, "controller")));
      }
    }),
    { numRuns: 500 },
  );
});
