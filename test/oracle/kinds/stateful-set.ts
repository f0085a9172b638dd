import type { KubeObject } from "@kinsync/core/contract";
import { statefulset } from "@kinsync/kind-statefulset";
import { controllerUidOf, hasLabels, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, STATEFUL_SETS } from "../cluster/types.ts";
import { isStaying, ordinalIn, syncStatefulSets, type StatefulSet } from "../controllers/stateful-set.ts";
import { ROOT, type Course, type Expectation, type Oracle } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, orphanPod, relabelPod, RootDeeds } from "./deeds.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];

/** A pod stays where its template is the present one, and where the spec leaves it: below the partition, and with OnDelete. */
export const statefulSetOracle: Oracle = { name: "statefulset", kind: statefulset, start };

function start(store: Store): Course {
  const root = new RootDeeds<StatefulSet>(store, (choice) => ({
    ...STATEFUL_SETS,
    metadata: { name: ROOT },
    spec: {
      replicas: 1 + (choice % 3),
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      podManagementPolicy: choice % 2 === 0 ? "OrderedReady" : "Parallel",
      selector: { matchLabels: LABELS },
      template: { labels: LABELS, image: pick(IMAGES, choice) },
    },
  }));
  return {
    controllers: { statefulset: () => syncStatefulSets(store) },
    deciders: ["statefulset"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({
        template: { ...spec.template, image: pick(IMAGES, choice) },
      })),
      scale: root.change((choice) => ({ replicas: choice % 4 })),
      start: root.change((choice) => ({ ordinals: { start: choice % 3 } })),
      strategy: root.change((choice) => ({
        updateStrategy:
          choice % 4 === 0 ? { type: "OnDelete" } : { type: "RollingUpdate", rollingUpdate: { partition: choice % 4 } },
      })),
      relabel: relabelPod(store, "app"),
      orphan: orphanPod(store, (choice) => ({
        name: `${ROOT}-${choice % 4}`,
        labels: { ...LABELS, "controller-revision-hash": `${ROOT}-a` },
      })),
    },
    isInDoubt: isBehind,
    expected: () => expected(store, root.object),
    finalCount: () => finalCount(store, root.object),
  };
}

function expected(store: Store, root: (KubeObject & StatefulSet) | undefined): Expectation {
  if (root === undefined) return { targets: new Map() };
  const pods = store.list(PODS).filter((pod) => isAlive(pod) && controllerUidOf(pod) === root.metadata.uid);
  const isOpen = isDeleting(root);
  return {
    targets: new Map(
      pods
        .filter((pod) => isStaying(root, pod) && hasLabels(pod, LABELS))
        .map((pod) => [pod.metadata.uid, { index: String(ordinalIn(pod)) }]),
    ),
    open: new Set(isOpen ? pods.map(({ metadata }) => metadata.uid) : []),
  };
}

/** A pod of the wanted name that the StatefulSet may not adopt stands in the way for good. */
function finalCount(store: Store, root: (KubeObject & StatefulSet) | undefined): number | undefined {
  if (root === undefined) return 0;
  const isBlocked = store.list(PODS).some((pod) => ordinalIn(pod) >= 0 && controllerUidOf(pod) !== root.metadata.uid);
  return isBlocked ? undefined : root.spec?.replicas;
}
