import { defineKind } from "@kinsync/core/contract";
import type { Judgement, KindPlugin, KindView, KubeObject, Reason } from "@kinsync/core/contract";
import { clustersOf, JOBS, noteOfManager, present, RAY_SERVICES, readRayService, rolesOfCluster } from "./fields.ts";
import { judgePod, type Better } from "./overlay.ts";

/** What one judgement needs of the RayService, read once. */
interface Upgrade {
  readonly active: string | undefined;
  readonly pending: string | undefined;
  readonly isRollingBack: boolean;
  /** The cluster that has the wanted spec. */
  readonly wanted: string | undefined;
  readonly generation: number;
  /** `undefined` where the status has no such field. */
  readonly observed: number | undefined;
}

/**
 * The kind of RayServices. During an upgrade two RayClusters serve: the active one is kept until the pending one takes over. In a rollback
 * the older, active one is the goal, and the younger one goes (kuberay `ray-operator/controllers/ray/rayservice_controller.go`).
 */
export function rayservice(): KindPlugin {
  return defineKind({
    name: "rayservice",
    needs: ["delegate", "labels", "roles", "versions"],
    root: RAY_SERVICES,
    watches: (root) => ({
      watches: [clustersOf(root), { resource: JOBS, delegate: true, optional: true }],
      pods: "delegated",
    }),
    judge,
    roles: (root) => rolesOfCluster(readRayService(root).spec?.rayClusterConfig),
  });
}

function judge(view: KindView): Judgement {
  const upgrade = readUpgrade(view.root);
  return {
    pod: (owned) => judgePod(view, owned, (cluster) => betterOf(upgrade, cluster)),
    notes: notesOf(view, upgrade),
  };
}

function readUpgrade(root: KubeObject): Upgrade {
  const { status } = readRayService(root);
  const active = present(status?.activeServiceStatus?.rayClusterName);
  const pending = present(status?.pendingServiceStatus?.rayClusterName);
  const isRollingBack =
    status?.conditions?.some((condition) => condition.type === "RollbackInProgress" && condition.status === "True") ??
    false;
  return {
    active,
    pending,
    isRollingBack,
    wanted: pending === undefined || isRollingBack ? active : pending,
    generation: root.metadata.generation ?? 0,
    observed: status?.observedGeneration,
  };
}

function betterOf(upgrade: Upgrade, cluster: KubeObject): Better {
  const { active, pending, wanted, generation, observed } = upgrade;
  const { name } = cluster.metadata;
  const evidence = {
    "raycluster.metadata.name": name,
    "status.activeServiceStatus.rayClusterName": active ?? null,
    "status.pendingServiceStatus.rayClusterName": pending ?? null,
  };
  if (wanted === undefined) {
    const message = "the RayService's status names no RayCluster yet";
    return { verdict: { state: "unsettled", reason: { code: "cluster-not-named", message, evidence } } };
  }
  if (name !== active && name !== pending) {
    const message = `its RayCluster ${name} is neither the active nor the pending one, and is deleted after a delay`;
    return { verdict: { state: "superseded", reason: { code: "cluster-dangling", message, evidence } } };
  }
  const labels = { side: name === active ? "active" : "pending" };
  if (observed !== undefined && observed < generation) {
    const message = `the RayService is at generation ${generation}, its controller has seen ${observed}`;
    const seen = { ...evidence, "metadata.generation": generation, "status.observedGeneration": observed };
    return {
      labels,
      verdict: { state: "unsettled", reason: { code: "generation-not-observed", message, evidence: seen } },
    };
  }
  // The pods of the cluster that the RayService wants are as the cluster's own kind judges them.
  if (name === wanted) return { labels };
  if (name === active) {
    const message = `its RayCluster ${name} serves until ${wanted} is ready`;
    return { labels, verdict: { state: "kept", reason: { code: "active-until-the-switch", message, evidence } } };
  }
  const message = `its RayCluster ${name} goes: the RayService is rolled back to ${wanted}`;
  return { labels, verdict: { state: "superseded", reason: { code: "rolled-back", message, evidence } } };
}

function notesOf({ root, owned, rule }: KindView, upgrade: Upgrade): readonly Reason[] {
  const { active, pending, isRollingBack, wanted } = upgrade;
  const notes = [...noteOfManager("RayService", readRayService(root).spec?.managedBy)];
  const evidence = { active: active ?? null, pending: pending ?? null };
  if (wanted === undefined) {
    notes.push({ code: "no-cluster", message: "the RayService's status names no RayCluster yet", evidence });
  } else if (isRollingBack) {
    notes.push({
      code: "rollback-in-progress",
      message: `a rollback to RayCluster ${wanted} is in progress`,
      evidence,
    });
  } else if (pending !== undefined && active !== undefined) {
    notes.push({
      code: "upgrade-in-progress",
      message: `an upgrade is in progress: RayCluster ${active} serves until ${pending} is ready`,
      evidence,
    });
  }
  const clusters = owned.filter(({ kind, metadata }) => kind === "RayCluster" && metadata.name === wanted);
  return [...notes, ...clusters.flatMap((cluster) => rule(cluster)?.notes ?? [])];
}
