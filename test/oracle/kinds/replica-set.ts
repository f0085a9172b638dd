import { replicaset, replicationcontroller } from "@kinsync/kind-replicaset";
import { controllerUidOf, hasLabels, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, type Type } from "../cluster/types.ts";
import { syncReplicaSets, type ReplicaSet } from "../controllers/replica-set.ts";
import { ROOT, type Course, type Expectation, type Oracle } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { orphanPod, relabelPod, RootDeeds } from "./deeds.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];

/** Every live pod counts, whatever template it was made from. */
export const replicaSetOracle: Oracle = {
  name: "replicaset",
  kind: replicaset,
  start: (store) => courseOf(store, REPLICA_SETS, { matchLabels: LABELS }),
};

export const replicationControllerOracle: Oracle = {
  name: "replicationcontroller",
  kind: replicationcontroller,
  start: (store) => courseOf(store, REPLICATION_CONTROLLERS, LABELS),
};

function courseOf(store: Store, type: Type, selector: object): Course {
  const root = new RootDeeds<ReplicaSet>(store, (choice) => ({
    ...type,
    metadata: { name: ROOT },
    spec: { replicas: 1 + (choice % 3), selector, template: { labels: LABELS, image: pick(IMAGES, choice) } },
  }));
  const expected = (): Expectation => {
    const { object } = root;
    if (object === undefined) return { targets: new Map() };
    const pods = store.list(PODS).filter((pod) => isAlive(pod) && controllerUidOf(pod) === object.metadata.uid);
    return {
      targets: new Map(pods.map(({ metadata }) => [metadata.uid, {}])),
      // An owner that is being deleted releases nothing, and pods that do not fit are not watched.
      open: new Set(
        pods.filter((pod) => isDeleting(object) && !hasLabels(pod, LABELS)).map(({ metadata }) => metadata.uid),
      ),
    };
  };
  return {
    controllers: { replicaset: () => syncReplicaSets(store, type) },
    deciders: ["replicaset"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({
        template: { ...spec.template, image: pick(IMAGES, choice) },
      })),
      scale: root.change((choice) => ({ replicas: choice % 4 })),
      relabel: relabelPod(store, "app"),
      orphan: orphanPod(store, (choice) => ({ name: `debug-${choice}`, labels: LABELS })),
    },
    expected,
    finalCount: () => (root.object === undefined ? 0 : root.object.spec?.replicas),
  };
}
