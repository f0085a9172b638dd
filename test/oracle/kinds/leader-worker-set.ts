import type { KubeObject } from "@kinsync/core/contract";
import { leaderworkerset } from "@kinsync/kind-leaderworkerset";
import { controllerUidOf, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { LEADER_WORKER_SETS, PODS, STATEFUL_SETS } from "../cluster/types.ts";
import { groupOf, LeaderWorkerSetController, type LeaderWorkerSet } from "../controllers/leader-worker-set.ts";
import { imageOf, ordinalIn } from "../controllers/stateful-set.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, RootDeeds } from "./deeds.ts";

const IMAGES = ["a", "b", "c"];

/** A group counts with all its pods if its leader is of the present template, or below the partition. */
export const leaderWorkerSetOracle: Oracle = { name: "leaderworkerset", kind: leaderworkerset, start };

function start(store: Store): Course {
  const controller = new LeaderWorkerSetController(store);
  const root = new RootDeeds<LeaderWorkerSet>(store, (choice) => ({
    ...LEADER_WORKER_SETS,
    metadata: { name: ROOT },
    spec: { replicas: 1 + (choice % 3), size: 1 + (choice % 3), image: pick(IMAGES, choice) },
  }));
  return {
    controllers: {
      leaderworkerset: () => controller.sync(),
      groups: () => controller.syncGroups(),
      statefulset: () => controller.syncPods(),
    },
    deciders: ["leaderworkerset"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice) => ({ image: pick(IMAGES, choice) })),
      scale: root.change((choice) => ({ replicas: choice % 4 })),
      partition: root.change((choice) => ({
        rolloutStrategy: { rollingUpdateConfiguration: { partition: choice % 3 } },
      })),
      // A container of a worker restarts: the leader is deleted in the foreground, and with it the group.
      "restart a group": (choice) => {
        const leader = pick(leadersOf(store, root.object), choice);
        if (leader !== undefined) store.markDeleted(leader.metadata.uid);
      },
    },
    isInDoubt: isBehind,
    groupsOf: (pod) => [groupOf(leaderUidOf(store, pod))],
    expected: () => expected(store, root.object),
  };
}

function leadersOf(store: Store, root: KubeObject | undefined): KubeObject[] {
  const [leaders] = root === undefined ? [] : store.ownedBy(root.metadata.uid, STATEFUL_SETS);
  return leaders === undefined ? [] : store.ownedBy(leaders.metadata.uid, PODS);
}

/** UID of the leader of a pod's group; the pod's own where it leads. Names of pods and groups come back, UIDs do not. */
function leaderUidOf(store: Store, pod: KubeObject): string {
  const owner = controllerUidOf(pod);
  const set = owner === undefined ? undefined : store.last(owner);
  const above = set === undefined ? undefined : store.last(controllerUidOf(set) ?? "");
  return above?.kind === "Pod" ? above.metadata.uid : pod.metadata.uid;
}

function expected(store: Store, root: (KubeObject & LeaderWorkerSet) | undefined): Expectation {
  const targets = new Map<string, Place>();
  const open = new Set<string>();
  const partition = root?.spec?.rolloutStrategy?.rollingUpdateConfiguration?.partition ?? 0;
  const [leaders] = root === undefined ? [] : store.ownedBy(root.metadata.uid, STATEFUL_SETS);
  for (const leader of leaders === undefined || isDeleting(leaders) ? [] : leadersOf(store, root)) {
    const group = ordinalIn(leader);
    const isStaying = imageOf(leader) === root?.spec?.image || group < partition;
    if (!isStaying || group >= (root?.spec?.replicas ?? 1) || !isAlive(leader)) continue;
    const labels = { group: String(group) };
    const place = (role: string, worker: number): Place => ({ role, index: `${group}/${worker}`, labels });
    targets.set(leader.metadata.uid, place("leader", 0));
    for (const set of store.ownedBy(leader.metadata.uid, STATEFUL_SETS)) {
      if (isDeleting(set)) continue;
      for (const worker of store.ownedBy(set.metadata.uid, PODS)) {
        if (isAlive(worker)) targets.set(worker.metadata.uid, place("worker", ordinalIn(worker)));
      }
    }
  }
  if (root === undefined || isDeleting(root)) for (const pod of store.list(PODS)) open.add(pod.metadata.uid);
  return { targets, open };
}
