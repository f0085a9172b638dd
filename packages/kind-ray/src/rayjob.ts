import { defineKind } from "@kinsync/core/contract";
import type { Judgement, KindPlugin, KindView, KubeObject, Reason } from "@kinsync/core/contract";
import { clustersOf, JOBS, KEYS, noteOfManager, present, RAY_JOBS, readRayJob, rolesOfCluster } from "./fields.ts";
import { judgePod, type Better } from "./overlay.ts";

/** States of a RayJob in which its cluster is deleted. */
const LEAVING: ReadonlySet<string> = new Set(["Retrying", "Suspending", "Suspended"]);
const ENDED: ReadonlySet<string> = new Set(["Complete", "Failed", "ValidationFailed"]);

/**
 * The kind of RayJobs. The RayCluster that `status.rayClusterName` names is left to its own kind; each retry has a cluster of another
 * name. With `clusterSelector` the cluster belongs to somebody else, and the RayJob has no members (kuberay
 * `ray-operator/controllers/ray/rayjob_controller.go`).
 */
export function rayjob(): KindPlugin {
  return defineKind({
    name: "rayjob",
    needs: ["delegate", "roles", "versions"],
    root: RAY_JOBS,
    watches: (root) => ({
      watches: [clustersOf(root), { resource: JOBS, delegate: true, optional: true }],
      pods: "delegated",
    }),
    judge,
    roles: (root) => [...rolesOfCluster(readRayJob(root).spec?.rayClusterSpec), "submitter"],
  });
}

function judge(view: KindView): Judgement {
  const { root } = view;
  const { status } = readRayJob(root);
  const named = present(status?.rayClusterName);
  const phase = present(status?.jobDeploymentStatus);
  const better = (cluster: KubeObject): Better => {
    const { name } = cluster.metadata;
    const evidence = {
      "raycluster.metadata.name": name,
      "status.rayClusterName": named ?? null,
      "status.jobDeploymentStatus": phase ?? null,
    };
    if (phase !== undefined && LEAVING.has(phase)) {
      const message = `the RayJob is ${phase}, and its RayCluster ${name} is deleted`;
      return { verdict: { state: "superseded", reason: { code: "cluster-leaving", message, evidence } } };
    }
    if (named === undefined) {
      const message = "the RayJob's status names no RayCluster yet";
      return { verdict: { state: "unsettled", reason: { code: "cluster-not-named", message, evidence } } };
    }
    if (named === name) return {};
    const message = `it is of RayCluster ${name}, the RayJob runs on ${named}`;
    return { verdict: { state: "superseded", reason: { code: "other-cluster", message, evidence } } };
  };
  return { pod: (owned) => judgePod(view, owned, better), notes: notesOf(view, named) };
}

function notesOf({ root, owned, rule }: KindView, named: string | undefined): readonly Reason[] {
  const { spec, status } = readRayJob(root);
  const notes = [...noteOfManager("RayJob", spec?.managedBy)];
  const selected = spec?.clusterSelector;
  if (selected !== undefined && Object.keys(selected).length > 0) {
    const cluster = selected[KEYS.cluster] ?? named ?? "NAME";
    notes.push({
      code: "cluster-selected",
      message: `the RayJob runs on a RayCluster that it does not own, so it has no members; name raycluster/${cluster} instead`,
      evidence: { "spec.clusterSelector": JSON.stringify(selected) },
    });
  }
  const phase = present(status?.jobDeploymentStatus);
  if (phase !== undefined && LEAVING.has(phase)) {
    notes.push({
      code: "rayjob-between-clusters",
      message: `the RayJob is ${phase}: its RayCluster is deleted${phase === "Retrying" ? ", and the next one has another name" : ""}`,
      evidence: { "status.jobDeploymentStatus": phase },
    });
  }
  if (phase !== undefined && ENDED.has(phase)) {
    notes.push({
      code: "rayjob-finished",
      message: `the RayJob has ended: ${phase}`,
      evidence: { "status.jobDeploymentStatus": phase },
    });
  }
  const clusters = owned.filter(({ kind, metadata }) => kind === "RayCluster" && metadata.name === named);
  return [...notes, ...clusters.flatMap((cluster) => rule(cluster)?.notes ?? [])];
}
