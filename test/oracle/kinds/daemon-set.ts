import type { KubeObject } from "@kinsync/core/contract";
import { daemonset } from "@kinsync/kind-daemonset";
import { controllerUidOf, hasLabels, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { CONTROLLER_REVISIONS, DAEMON_SETS, PODS } from "../cluster/types.ts";
import { DaemonSetController, groupsOf, nodeOf, type DaemonSet } from "../controllers/daemon-set.ts";
import { imageOf } from "../controllers/stateful-set.ts";
import { ROOT, type Course, type Expectation, type Oracle } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, relabelPod, RootDeeds } from "./deeds.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];

/** A pod counts that was made from the present template, and any pod with OnDelete. */
export const daemonSetOracle: Oracle = { name: "daemonset", kind: daemonset, start };

function start(store: Store): Course {
  const controller = new DaemonSetController(store);
  const root = new RootDeeds<DaemonSet>(store, (choice) => ({
    ...DAEMON_SETS,
    metadata: { name: ROOT },
    spec: {
      updateStrategy: { type: choice % 4 === 3 ? "OnDelete" : "RollingUpdate" },
      selector: { matchLabels: LABELS },
      template: { labels: LABELS, image: pick(IMAGES, choice) },
    },
  }));
  return {
    controllers: { daemonset: () => controller.sync() },
    deciders: ["daemonset"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({
        template: { ...spec.template, image: pick(IMAGES, choice) },
      })),
      strategy: root.change((choice) => ({
        updateStrategy: { type: choice % 2 === 0 ? "OnDelete" : "RollingUpdate" },
      })),
      taint: (choice) => {
        const node = `node-${choice % 3}`;
        if (!controller.nodes.delete(node)) controller.nodes.add(node);
      },
      relabel: relabelPod(store, "app"),
    },
    isInDoubt: isBehind,
    groupsOf,
    expected: () => expected(store, root.object),
    finalCount: () => (root.object === undefined ? 0 : controller.nodes.size),
  };
}

function expected(store: Store, root: KubeObject | undefined): Expectation {
  if (root === undefined) return { targets: new Map() };
  const { spec, metadata }: DaemonSet = root;
  const pods = store.list(PODS).filter((pod) => isAlive(pod) && controllerUidOf(pod) === metadata.uid);
  const image = spec?.template?.image;
  const isOnDelete = spec?.updateStrategy?.type === "OnDelete";
  // Another DaemonSet of this name has left the ControllerRevision, and the garbage collector has not removed it yet.
  const isLeft = !store
    .ownedBy(metadata.uid, CONTROLLER_REVISIONS)
    .some((one) => one.metadata.annotations?.["image"] === image);
  return {
    targets: new Map(
      pods
        .filter((pod) => (isOnDelete || imageOf(pod) === image) && hasLabels(pod, LABELS))
        .map((pod) => [pod.metadata.uid, { index: nodeOf(pod) }]),
    ),
    open: new Set(isLeft || isDeleting(root) ? pods.map(({ metadata: { uid } }) => uid) : []),
  };
}
