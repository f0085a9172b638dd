import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Pod,
  Reason,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { isSuspended, JOBS, KEYS, noteOfManager, RAY_CLUSTERS, readRayCluster, rolesOfCluster } from "./fields.ts";

/**
 * The kind of RayClusters.
 *
 * Workers carry no revision: with `upgradeStrategy` None a changed template affects only pods that are created later, and with Recreate
 * the operator deletes all pods. So every live pod of the cluster is current, unless the operator is about to delete it (kuberay
 * `ray-operator/controllers/ray/raycluster_controller.go`).
 */
export function raycluster(): KindPlugin {
  return defineKind({
    name: "raycluster",
    needs: ["labels", "roles", "versions"],
    root: RAY_CLUSTERS,
    watches,
    judge,
    roles: (root) => rolesOfCluster(readRayCluster(root).spec),
    infrastructure: ["autoscaler", "ray-job-submitter", "wait-gcs-ready"],
  });
}

/** The operator lists pods by this label alone; it survives the cluster, so ownership is decided by UID. */
function watches(root: KubeObject): WatchPlan {
  const labelSelector = `${KEYS.cluster}=${root.metadata.name}`;
  return { watches: [{ resource: JOBS, labelSelector, metadataOnly: true, optional: true }], pods: { labelSelector } };
}

function judge({ root }: KindView): Judgement {
  return {
    pod: (owned) => ({
      ...(verdictOfInactivePod(owned.pod) ?? judgeLivePod(root, owned)),
      ...placeOf(owned.pod),
    }),
    notes: notesOf(root),
  };
}

/** Workers take the name of their group as role. */
function placeOf({ metadata: { labels = {} } }: Pod): Pick<Verdict, "role" | "index" | "labels"> {
  const type = labels[KEYS.nodeType];
  const role = type === "head" ? "head" : type === "worker" ? labels[KEYS.group] : undefined;
  const replica = labels[KEYS.replicaIndex];
  const host = labels[KEYS.hostIndex];
  return {
    ...(role === undefined || role === "" ? {} : { role }),
    ...(replica === undefined || replica === "" ? {} : { index: host === undefined ? replica : `${replica}/${host}` }),
    ...(type === "head" || type === "worker" ? { labels: { node: type } } : {}),
  };
}

type State = Pick<Verdict, "state" | "reason">;

function judgeLivePod(root: KubeObject, { pod, owners }: OwnedPod): State {
  const { spec } = readRayCluster(root);
  const { name, labels = {} } = pod.metadata;
  const type = labels[KEYS.nodeType];
  const group = labels[KEYS.group];
  const evidence = { [KEYS.nodeType]: type ?? null, [KEYS.group]: group ?? null };
  if (owners.length > 0 || type === "redis-cleanup") {
    return {
      state: "helper",
      reason: { code: "redis-cleanup", message: "it cleans up Redis and is not a Ray node", evidence },
    };
  }
  const { deletionTimestamp } = root.metadata;
  if (deletionTimestamp !== undefined) {
    return going({
      code: "raycluster-deleting",
      message: `the RayCluster ${root.metadata.name} is being deleted, and the pod goes with it`,
      evidence: { ...evidence, "raycluster.metadata.deletionTimestamp": deletionTimestamp },
    });
  }
  if (isSuspended(readRayCluster(root))) {
    return going({
      code: "raycluster-suspended",
      message: `the RayCluster ${root.metadata.name} is suspended, and its pods are removed`,
      evidence: { ...evidence, "spec.suspend": spec?.suspend ?? false },
    });
  }
  if (type === "head") {
    return { state: "current", reason: { code: "head", message: "it is the head of the RayCluster", evidence } };
  }
  const wanted = spec?.workerGroupSpecs?.find(({ groupName }) => groupName === group);
  if (wanted === undefined) {
    return {
      state: "kept",
      reason: {
        code: "group-not-in-spec",
        message: `its worker group ${group ?? "(none)"} is not in the spec, and the operator leaves such pods alone`,
        evidence,
      },
    };
  }
  if (wanted.suspend === true) {
    return going({
      code: "group-suspended",
      message: `its worker group ${group ?? ""} is suspended, and the group's pods are removed`,
      evidence,
    });
  }
  if (wanted.scaleStrategy?.workersToDelete?.includes(name) === true) {
    return going({
      code: "worker-to-delete",
      message: "the spec lists it among the workers to delete",
      evidence: { ...evidence, "scaleStrategy.workersToDelete": name },
    });
  }
  return {
    state: "current",
    reason: { code: "of-the-group", message: `it is a worker of group ${group ?? ""}`, evidence },
  };
}

function going(reason: Reason): State {
  return { state: "terminating", reason };
}

function notesOf(root: KubeObject): readonly Reason[] {
  const { spec, status } = readRayCluster(root);
  const notes = [...noteOfManager("RayCluster", spec?.managedBy)];
  const isGoing = isSuspended(readRayCluster(root));
  if (isGoing) {
    notes.push({
      code: "raycluster-suspended",
      message: "the RayCluster is suspended",
      evidence: { "spec.suspend": spec?.suspend ?? false },
    });
  }
  const desired = status?.desiredWorkerReplicas ?? 0;
  const ready = status?.readyWorkerReplicas;
  if (!isGoing && ready !== undefined && ready < desired) {
    notes.push({
      code: "workers-pending",
      message: `${ready} of the RayCluster's ${desired} workers are ready`,
      evidence: { "status.desiredWorkerReplicas": desired, "status.readyWorkerReplicas": ready },
    });
  }
  return notes;
}
