import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Reason,
  ResourceType,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { KEYS, leaderSetOf, numberIn, readLeaderWorkerSet, scaledTo } from "./fields.ts";
import { notesOf } from "./notes.ts";

const LEADER_WORKER_SETS: RootType = {
  group: "leaderworkerset.x-k8s.io",
  version: "v1",
  kind: "LeaderWorkerSet",
  plural: "leaderworkersets",
  shortNames: ["lws"],
};
const STATEFUL_SETS: ResourceType = { group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets" };

/** What one judgement needs, read once. */
interface Update {
  readonly root: KubeObject;
  readonly isDeleting: boolean;
  /** `undefined` until the StatefulSet of the leaders has been seen. */
  readonly wanted: string | undefined;
  readonly generation: number;
  /** `undefined` where the status has no such field. */
  readonly observed: number | undefined;
  readonly replicas: number;
  readonly partition: number;
  /** How many groups a rollout may add at most. */
  readonly surge: number;
}

/**
 * The kind of LeaderWorkerSets.
 *
 * A group is current if its revision hash is the one on the StatefulSet of the leaders, which is the only object that names the revision.
 * Group index, group key, hash and pod names repeat when a group is created again, so only the chain of UIDs through the leader pod
 * separates two incarnations of a group (lws `pkg/controllers/{leaderworkerset_controller,pod_controller}.go`).
 */
export function leaderworkerset(): KindPlugin {
  return defineKind({
    name: "leaderworkerset",
    needs: ["labels", "roles"],
    root: LEADER_WORKER_SETS,
    watches,
    judge,
    roles: () => ["leader", "worker"],
  });
}

function watches(root: KubeObject): WatchPlan {
  const labelSelector = `${KEYS.name}=${root.metadata.name}`;
  return { watches: [{ resource: STATEFUL_SETS, labelSelector, metadataOnly: true }], pods: { labelSelector } };
}

function judge(view: KindView): Judgement {
  const update = readUpdate(view);
  return {
    pod: (owned) => ({
      ...(verdictOfInactivePod(owned.pod) ?? judgeLivePod(update, owned)),
      ...placeOf(owned),
    }),
    notes: notesOf(view),
  };
}

function readUpdate({ root, owned }: KindView): Update {
  const { spec, status } = readLeaderWorkerSet(root);
  const { partition = 0, maxSurge } = spec?.rolloutStrategy?.rollingUpdateConfiguration ?? {};
  const replicas = spec?.replicas ?? 1;
  return {
    root,
    isDeleting: root.metadata.deletionTimestamp !== undefined,
    wanted: leaderSetOf(root, owned)?.metadata.labels?.[KEYS.revision],
    generation: root.metadata.generation ?? 0,
    observed: status?.observedGeneration,
    replicas,
    partition,
    // The controller adds no more than that.
    surge: Math.min(replicas, scaledTo(maxSurge, replicas)),
  };
}

/** A worker has a leader pod above it. */
function leaderOf({ owners }: OwnedPod): KubeObject | undefined {
  return owners.find(({ kind }) => kind === "Pod");
}

function placeOf(owned: OwnedPod): Pick<Verdict, "role" | "index" | "labels"> {
  const { pod } = owned;
  const group = numberIn(pod, KEYS.groupIndex);
  const worker = numberIn(pod, KEYS.workerIndex);
  const subgroup = numberIn(pod, KEYS.subgroupIndex);
  const labels = {
    ...(group === undefined ? {} : { group: String(group) }),
    ...(subgroup === undefined ? {} : { subgroup: String(subgroup) }),
  };
  return {
    role: leaderOf(owned) === undefined ? "leader" : "worker",
    ...(group === undefined || worker === undefined ? {} : { index: `${group}/${worker}` }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

type State = Pick<Verdict, "state" | "reason">;

function judgeLivePod(update: Update, owned: OwnedPod): State {
  const { wanted, generation, observed, partition, replicas, surge } = update;
  const going = goingOwner(owned) ?? endedLeader(owned);
  if (going !== undefined) return going;
  const revision = owned.pod.metadata.labels?.[KEYS.revision];
  const group = numberIn(owned.pod, KEYS.groupIndex);
  const evidence = {
    [KEYS.revision]: revision ?? null,
    "leader StatefulSet": wanted ?? null,
    [KEYS.groupIndex]: group ?? null,
  };
  if (wanted === undefined || revision === undefined || group === undefined) {
    const missing =
      wanted === undefined
        ? "the StatefulSet of the leaders names no revision"
        : "it has no label of revision and group";
    return { state: "unsettled", reason: { code: "revision-unknown", message: `${missing} yet`, evidence } };
  }
  if (observed !== undefined && observed < generation && !update.isDeleting) {
    return {
      state: "unsettled",
      reason: {
        code: "generation-not-observed",
        message: `the LeaderWorkerSet is at generation ${generation}, its controller has seen ${observed}`,
        evidence: { ...evidence, "metadata.generation": generation, "status.observedGeneration": observed },
      },
    };
  }
  if (group >= replicas + surge) {
    const most = surge === 0 ? "" : `, and a rollout adds at most ${surge}`;
    return behind(update, {
      code: "group-out-of-range",
      message: `its group ${group} is outside of the ${replicas} that the LeaderWorkerSet wants${most}`,
      evidence: { ...evidence, "spec.replicas": replicas },
    });
  }
  if (revision === wanted) {
    const isSurge = group >= replicas;
    return {
      state: "current",
      reason: isSurge
        ? {
            code: "surge-group",
            message: `its group ${group} is beyond the ${replicas} wanted ones: it runs for the time of a rollout, or is about to be removed`,
            evidence,
          }
        : {
            code: "at-revision",
            message: `its group is of revision ${revision}, and so is the LeaderWorkerSet`,
            evidence,
          },
    };
  }
  if (group < partition) {
    return {
      state: "kept",
      reason: {
        code: "kept-by-partition",
        message: `its group ${group} is below partition ${partition}, which keeps it at revision ${revision}`,
        evidence: { ...evidence, "spec.rolloutStrategy.rollingUpdateConfiguration.partition": partition },
      },
    };
  }
  return behind(update, {
    code: "revision-behind",
    message: `its group is of revision ${revision}, the LeaderWorkerSet is at ${wanted}`,
    evidence,
  });
}

/** Something above the pod is being deleted in the foreground, and the pod goes with it: its StatefulSet, its leader. */
function goingOwner({ owners }: OwnedPod): State | undefined {
  const going = owners.find(({ metadata }) => metadata.deletionTimestamp !== undefined);
  if (going === undefined) return undefined;
  const { name, uid, deletionTimestamp = null } = going.metadata;
  const evidence = { "owner.metadata.uid": uid, "owner.metadata.deletionTimestamp": deletionTimestamp };
  return {
    state: "terminating",
    reason:
      going.kind === "Pod"
        ? {
            code: "leader-deleting",
            message: `its leader ${name} is being deleted, and the group goes with it`,
            evidence,
          }
        : {
            code: "statefulset-deleting",
            message: `its StatefulSet ${name} is being deleted, and the pod goes with it`,
            evidence,
          },
  };
}

/** The StatefulSet of the leaders deletes a leader that has ended, and the group goes with it. */
function endedLeader(owned: OwnedPod): State | undefined {
  const leader = leaderOf(owned);
  const phase = leader?.status?.["phase"];
  if (leader === undefined || (phase !== "Failed" && phase !== "Succeeded")) return undefined;
  return {
    state: "terminating",
    reason: {
      code: "leader-ended",
      message: `its leader ${leader.metadata.name} has ended, and is created again with the whole group`,
      evidence: { "leader.metadata.uid": leader.metadata.uid, "leader.status.phase": phase },
    },
  };
}

function behind({ isDeleting }: Update, reason: Reason): State {
  if (!isDeleting) return { state: "superseded", reason };
  return {
    state: "terminating",
    reason: {
      ...reason,
      code: "leaderworkerset-deleting",
      message: `the LeaderWorkerSet is being deleted, and ${reason.message}`,
    },
  };
}
