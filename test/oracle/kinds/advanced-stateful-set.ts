import type { KubeObject } from "@kinsync/core/contract";
import { advancedstatefulset } from "@kinsync/kind-kruise";
import { hasLabels, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { ADVANCED_STATEFUL_SETS, PODS } from "../cluster/types.ts";
import {
  stayingPods,
  syncAdvancedStatefulSets,
  type AdvancedStatefulSet,
} from "../controllers/advanced-stateful-set.ts";
import { ordinalIn } from "../controllers/stateful-set.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, orphanPod, relabelPod, RootDeeds } from "./deeds.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];
const RESERVED: readonly (readonly (number | string)[])[] = [[], [0], [1], ["0-1"], [2, "0-0"], ["1-2", 0]];

/** As for a StatefulSet, with holes in the ordinals and a partition that may be a count. */
export const advancedStatefulSetOracle: Oracle = { name: "kruise-statefulset", kind: advancedstatefulset, start };

function start(store: Store): Course {
  const root = new RootDeeds<AdvancedStatefulSet>(store, (choice) => ({
    ...ADVANCED_STATEFUL_SETS,
    metadata: { name: ROOT },
    spec: {
      replicas: 1 + (choice % 3),
      updateStrategy: { type: "RollingUpdate" },
      selector: { matchLabels: LABELS },
      template: { labels: LABELS, image: pick(IMAGES, choice) },
    },
  }));
  return {
    controllers: { statefulset: () => syncAdvancedStatefulSets(store) },
    deciders: ["statefulset"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({ template: { ...spec.template, image: pick(IMAGES, choice) } })),
      scale: root.change((choice) => ({ replicas: choice % 4 })),
      reserve: root.change((choice) => ({ reserveOrdinals: pick(RESERVED, choice) })),
      strategy: root.change((choice) => ({
        updateStrategy:
          choice % 5 === 0
            ? { type: "OnDelete" }
            : {
                type: "RollingUpdate",
                rollingUpdate: {
                  partition: choice % 4,
                  paused: choice % 7 === 0,
                  ...(choice % 3 === 0 ? { unorderedUpdate: {} } : {}),
                },
              },
      })),
      relabel: relabelPod(store, "app"),
      orphan: orphanPod(store, (choice) => ({
        name: `${ROOT}-${choice % 4}`,
        labels: { ...LABELS, "controller-revision-hash": `${ROOT}-a` },
      })),
    },
    isInDoubt: isBehind,
    expected: () => expected(store, root.object),
  };
}

function expected(store: Store, root: (KubeObject & AdvancedStatefulSet) | undefined): Expectation {
  const targets = new Map<string, Place>();
  if (root === undefined) return { targets };
  const own = store.ownedBy(root.metadata.uid, PODS);
  for (const pod of stayingPods(
    root,
    own.filter((each) => hasLabels(each, LABELS)),
  )) {
    targets.set(pod.metadata.uid, { index: String(ordinalIn(pod)) });
  }
  return { targets, open: new Set(isDeleting(root) ? own.map(({ metadata }) => metadata.uid) : []) };
}
