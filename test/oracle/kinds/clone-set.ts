import type { KubeObject } from "@kinsync/core/contract";
import { cloneset } from "@kinsync/kind-kruise";
import { controllerUidOf, hasLabels, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { CLONE_SETS, PODS } from "../cluster/types.ts";
import { groupOf, isCounted, keptCount, syncCloneSets, type CloneSet } from "../controllers/clone-set.ts";
import { imageOf } from "../controllers/stateful-set.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, relabelPod, RootDeeds } from "./deeds.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];
const PARTITIONS = [0, 1, 2, "0%", "50%", "99%", "100%"];

/** Pods of the present template, and older ones as long as there are no more of them than the partition keeps. */
export const cloneSetOracle: Oracle = { name: "cloneset", kind: cloneset, start };

function start(store: Store): Course {
  const root = new RootDeeds<CloneSet>(store, (choice) => ({
    ...CLONE_SETS,
    metadata: { name: ROOT },
    spec: {
      replicas: 1 + (choice % 3),
      updateStrategy: { type: choice % 2 === 0 ? "ReCreate" : "InPlaceIfPossible" },
      selector: { matchLabels: LABELS },
      template: { labels: LABELS, image: pick(IMAGES, choice) },
    },
  }));
  const nameOf = (choice: number): string => pick(store.list(PODS), choice)?.metadata.name ?? "none";
  return {
    controllers: { cloneset: () => syncCloneSets(store) },
    deciders: ["cloneset"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({ template: { ...spec.template, image: pick(IMAGES, choice) } })),
      scale: root.change((choice) => ({ replicas: choice % 4 })),
      strategy: root.change((choice) => ({
        updateStrategy: {
          type: pick(["ReCreate", "InPlaceIfPossible", "OnDelete"] as const, choice),
          partition: pick(PARTITIONS, Math.floor(choice / 4)),
          paused: choice % 5 === 0,
        },
      })),
      "name a pod to delete": root.change((choice) => ({ scaleStrategy: { podsToDelete: [nameOf(choice)] } })),
      "mark a pod": (choice) => {
        const pod = pick(store.list(PODS), choice);
        if (pod !== undefined) store.patch(pod.metadata.uid, { labels: { "apps.kruise.io/specified-delete": "true" } });
      },
      relabel: relabelPod(store, "app"),
    },
    isInDoubt: isBehind,
    groupsOf: (pod) => [groupOf(controllerUidOf(pod) ?? "", imageOf(pod) ?? "")],
    expected: () => expected(store, root.object),
    finalCount: () => (root.object === undefined ? 0 : root.object.spec?.replicas),
  };
}

function expected(store: Store, root: (KubeObject & CloneSet) | undefined): Expectation {
  const targets = new Map<string, Place>();
  if (root === undefined) return { targets };
  const own = store.ownedBy(root.metadata.uid, PODS);
  const pods = own.filter((pod) => isCounted(root, pod) && hasLabels(pod, LABELS));
  const old = pods.filter((pod) => imageOf(pod) !== root.spec?.template?.image);
  for (const pod of pods) {
    if (old.includes(pod) && old.length > keptCount(root)) continue;
    targets.set(pod.metadata.uid, { index: pod.metadata.labels?.["apps.kruise.io/cloneset-instance-id"] });
  }
  return { targets, open: new Set(isDeleting(root) ? own.map(({ metadata }) => metadata.uid) : []) };
}
