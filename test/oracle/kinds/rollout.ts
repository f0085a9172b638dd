import type { KubeObject } from "@kinsync/core/contract";
import { rollout } from "@kinsync/kind-rollout";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { hasLabels, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, REPLICA_SETS, ROLLOUTS } from "../cluster/types.ts";
import { syncReplicaSets, type ReplicaSet } from "../controllers/replica-set.ts";
import { isTakingPart, RolloutController, type Rollout } from "../controllers/rollout.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, relabelPod, RootDeeds } from "./deeds.ts";

const LABELS = { app: ROOT };
const IMAGES = ["a", "b", "c"];

/** The pods of the present template and of the stable one count; after an abort those of the stable one alone. */
export const rolloutOracle: Oracle = { name: "rollout", kind: rollout, start };

function start(store: Store): Course {
  const controller = new RolloutController(store);
  const root = new RootDeeds<Rollout>(store, (choice) => ({
    ...ROLLOUTS,
    metadata: { name: ROOT },
    spec: {
      replicas: 1 + (choice % 3),
      strategy: choice % 2 === 0 ? { canary: {} } : { blueGreen: {} },
      selector: { matchLabels: LABELS },
      template: { labels: LABELS, image: pick(IMAGES, choice) },
    },
  }));
  const setStatus = (status: object) => (): void => {
    if (root.object !== undefined) store.patch(root.object.metadata.uid, { status });
  };
  return {
    controllers: { rollout: () => controller.sync(), replicaset: () => syncReplicaSets(store) },
    deciders: ["rollout"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({ template: { ...spec.template, image: pick(IMAGES, choice) } })),
      scale: root.change((choice) => ({ replicas: choice % 4 })),
      // `kubectl argo rollouts abort|retry|promote --full` write the status.
      abort: setStatus({ abort: true }),
      retry: setStatus({ abort: false }),
      promote: setStatus({ promoteFull: true, abort: false }),
      "delete a replicaset": (choice) => {
        const set = pick(store.list(REPLICA_SETS), choice);
        if (set !== undefined)
          deleteObject(store, set, pick(["Background", "Foreground", "Orphan"], Math.floor(choice / 8)));
      },
      relabel: relabelPod(store, "app"),
    },
    isInDoubt: isBehind,
    expected: () => expected(store, root.object),
  };
}

function expected(store: Store, root: (KubeObject & Rollout) | undefined): Expectation {
  const targets = new Map<string, Place>();
  const open = new Set<string>();
  const { status } = root ?? {};
  for (const set of root === undefined ? [] : store.ownedBy(root.metadata.uid, REPLICA_SETS)) {
    for (const pod of store.ownedBy(set.metadata.uid, PODS)) {
      if (isDeleting(root as KubeObject) || !hasLabels(pod, LABELS)) open.add(pod.metadata.uid);
      const isCounted = status !== undefined && !isDeleting(set) && isTakingPart(status, set);
      if (isAlive(pod) && isCounted) targets.set(pod.metadata.uid, { role: roleOf(root, set) });
    }
  }
  return { targets, open };
}

function roleOf(root: Rollout | undefined, { spec }: ReplicaSet): string {
  const isStable = spec?.template?.image === root?.status?.stableRS;
  if (root?.spec?.strategy?.blueGreen !== undefined) return isStable ? "active" : "preview";
  return isStable ? "stable" : "canary";
}
