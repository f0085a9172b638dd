import { statefulset } from "@kinsync/kind-statefulset";
import type { KubeObject, MemberState } from "@kinsync/core/contract";
import { judgeObjects } from "@kinsync/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

const REVISIONS = ["db-a", "db-b", "db-c"] as const;

interface World {
  readonly start: number | undefined;
  readonly replicas: number;
  readonly type: "RollingUpdate" | "OnDelete";
  readonly partition: number | undefined;
  readonly currentRevision: string;
  readonly updateRevision: string;
  readonly pods: readonly {
    readonly ordinal: number;
    readonly revision: string | undefined;
    readonly phase: string;
    readonly deleting: boolean;
  }[];
}

/**
 * Which ordinals the controller would delete if it were never made to wait (`updateStatefulSet`, k8s 1.34
 * `pkg/controller/statefulset/stateful_set_control.go`): the condemned ones, then, from the last replica down to the
 * partition, each pod that is not of the update revision. `replicas` is indexed from `ordinals.start`.
 */
function deletedOrdinals(world: World): Set<number> {
  const start = world.start ?? 0;
  const replicas: (World["pods"][number] | undefined)[] = Array.from({ length: world.replicas });
  const deleted = new Set<number>();
  for (const pod of world.pods) {
    if (pod.ordinal >= start && pod.ordinal <= start + world.replicas - 1) replicas[pod.ordinal - start] = pod;
    else deleted.add(pod.ordinal);
  }
  if (world.type === "OnDelete") return deleted;
  const updateMin = world.partition ?? 0;
  for (let target = replicas.length - 1; target >= updateMin; target--) {
    const pod = replicas[target];
    if (pod !== undefined && (pod.revision ?? "") !== world.updateRevision) deleted.add(pod.ordinal);
  }
  return deleted;
}

function expectedStates(world: World): Record<string, MemberState> {
  const deleted = deletedOrdinals(world);
  return Object.fromEntries(
    world.pods.map(({ ordinal, revision, phase, deleting }) => {
      const state = (): MemberState => {
        if (deleting) return "terminating";
        if (phase === "Failed" || phase === "Succeeded") return "finished";
        if (deleted.has(ordinal)) return "superseded";
        return revision === world.updateRevision ? "current" : "kept";
      };
      return [String(ordinal), state()];
    }),
  );
}

function objectsOf(world: World): { root: KubeObject; pods: KubeObject[] } {
  const { start, partition } = world;
  const rollingUpdate = partition === undefined ? {} : { rollingUpdate: { partition } };
  const root: KubeObject = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "lab", uid: "sts", generation: 3 },
    spec: {
      replicas: world.replicas,
      ...(start === undefined ? {} : { ordinals: { start } }),
      updateStrategy: world.type === "OnDelete" ? { type: "OnDelete" } : { type: "RollingUpdate", ...rollingUpdate },
    },
    status: { observedGeneration: 3, currentRevision: world.currentRevision, updateRevision: world.updateRevision },
  };
  const pods = world.pods.map(({ ordinal, revision, phase, deleting }): KubeObject => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `db-${ordinal}`,
      namespace: "lab",
      uid: `pod-${ordinal}`,
      labels: revision === undefined ? {} : { "controller-revision-hash": revision },
      ...(deleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
      ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "sts", controller: true }],
    },
    spec: { containers: [] },
    status: { phase },
  }));
  return { root, pods };
}

const world: fc.Arbitrary<World> = fc.record({
  start: fc.option(fc.nat(4), { nil: undefined }),
  replicas: fc.nat(6),
  type: fc.constantFrom("RollingUpdate", "RollingUpdate", "RollingUpdate", "OnDelete"),
  partition: fc.option(fc.nat(8), { nil: undefined }),
  currentRevision: fc.constantFrom(...REVISIONS),
  updateRevision: fc.constantFrom(...REVISIONS),
  pods: fc.uniqueArray(
    fc.record({
      ordinal: fc.nat(11),
      revision: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...REVISIONS) },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
      phase: fc.constantFrom("Pending", "Running", "Running", "Failed", "Succeeded"),
      deleting: fc.constantFrom(false, false, false, true),
    }),
    { selector: ({ ordinal }) => ordinal, maxLength: 10 },
  ),
});

test("in any world the verdicts say what the controller would do", () => {
  fc.assert(
    fc.property(world, (one) => {
      const { root, pods } = objectsOf(one);
      const found = judgeObjects(statefulset(), root, pods).members.map(({ verdict }) => [
        verdict.index,
        verdict.state,
      ]);
      expect(Object.fromEntries(found)).toEqual(expectedStates(one));
    }),
    { numRuns: 1000 },
  );
});

test("in any world the order of the objects changes nothing", () => {
  const shuffledWorld = world.chain((one) => {
    const { root, pods } = objectsOf(one);
    return fc.record({
      root: fc.constant(root),
      pods: fc.constant(pods),
      shuffled: fc.shuffledSubarray(pods, { minLength: pods.length }),
    });
  });
  fc.assert(
    fc.property(shuffledWorld, ({ root, pods, shuffled }) => {
      const byUid = (objects: readonly KubeObject[]) =>
        Object.fromEntries(
          judgeObjects(statefulset(), root, objects, { order: "given" }).members.map(({ pod, verdict }) => [
            pod.metadata.uid,
            verdict,
          ]),
        );
      expect(byUid(shuffled)).toEqual(byUid(pods));
    }),
    { numRuns: 200 },
  );
});

test("the label pod-index and the name give the same place", () => {
  fc.assert(
    fc.property(world, (one) => {
      const { root, pods } = objectsOf(one);
      const labelled = pods.map((pod) => ({
        ...pod,
        metadata: {
          ...pod.metadata,
          labels: { ...pod.metadata.labels, "apps.kubernetes.io/pod-index": pod.metadata.name.slice(3) },
        },
      }));
      const verdicts = (objects: readonly KubeObject[]) =>
        judgeObjects(statefulset(), root, objects).members.map(({ verdict }) => verdict);
      expect(verdicts(labelled)).toEqual(verdicts(pods));
    }),
    { numRuns: 100 },
  );
});

test("where the name ends in no number, the label pod-index gives the place", () => {
  const labels = { "controller-revision-hash": "db-a", "apps.kubernetes.io/pod-index": "2" };
  const { root, pods } = objectsOf({
    start: undefined,
    replicas: 3,
    type: "RollingUpdate",
    partition: 0,
    currentRevision: "db-a",
    updateRevision: "db-a",
    pods: [{ ordinal: 0, revision: "db-a", phase: "Running", deleting: false }],
  });
  const renamed = pods.map((pod) => ({ ...pod, metadata: { ...pod.metadata, name: "db-main", labels } }));
  const [member] = judgeObjects(statefulset(), root, renamed).members;
  expect([member?.verdict.state, member?.verdict.index]).toEqual(["current", "2"]);
});
