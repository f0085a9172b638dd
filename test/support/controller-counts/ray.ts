import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import { countOf, differences } from "./count-states.ts";

interface RayClusterStatus {
  readonly observedGeneration?: number;
  readonly desiredWorkerReplicas?: number;
}

interface RayJobStatus {
  readonly jobDeploymentStatus?: string;
  readonly rayClusterName?: string;
  readonly rayClusterStatus?: RayClusterStatus;
}

interface RayServiceStatus {
  readonly activeServiceStatus?: { readonly rayClusterName?: string };
  readonly pendingServiceStatus?: { readonly rayClusterName?: string };
}

/**
 * Compares a truth with the counts of KubeRay (`calculateStatus`, kuberay `ray-operator/controllers/ray/raycluster_controller.go`):
 * as many workers are current as `desiredWorkerReplicas` states, unless the RayCluster is suspended.
 * @returns the differences
 */
export function rayClusterCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the RayCluster does not exist"];
  const { observedGeneration = 0, desiredWorkerReplicas = 0 }: RayClusterStatus = moment.root.status ?? {};
  const desired = moment.root.spec?.["suspend"] === true ? 0 : desiredWorkerReplicas;
  const workers = countOf(moment, "current", ({ metadata }) => metadata.labels?.["ray.io/node-type"] === "worker");
  return [
    ...differences("is the generation", moment.root.metadata.generation ?? 0, "observedGeneration", observedGeneration),
    ...differences("workers are current", workers, "the desired number", desired),
  ];
}

/**
 * Compares a truth with what KubeRay says of a RayJob (kuberay `ray-operator/controllers/ray/rayjob_controller.go`): the current members are
 * those of the RayCluster that its status names, with as many workers as that wants, and while it is suspended there are none.
 * @returns the differences
 */
export function rayJobCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the RayJob does not exist"];
  const { jobDeploymentStatus, rayClusterName = "", rayClusterStatus = {} }: RayJobStatus = moment.root.status ?? {};
  const isSuspended = jobDeploymentStatus === "Suspended" || jobDeploymentStatus === "Suspending";
  const workers = countOf(moment, "current", ({ metadata }) => metadata.labels?.["ray.io/node-type"] === "worker");
  const elsewhere = countOf(
    moment,
    "current",
    ({ metadata }) => metadata.labels?.["ray.io/cluster"] !== rayClusterName,
  );
  const desired = isSuspended ? 0 : (rayClusterStatus.desiredWorkerReplicas ?? 0);
  return [
    ...differences("workers are current", workers, "the desired number", desired),
    ...differences(`current members are not of ${rayClusterName}`, elsewhere, "the number of such ones", 0),
  ];
}

/**
 * Compares a truth with what KubeRay says of the clusters of a RayService (kuberay
 * `ray-operator/controllers/ray/rayservice_controller.go`): the pending one is wanted, the active one serves until it is ready, and any
 * other one is deleted soon.
 * @returns the differences
 */
export function rayServiceClusters({ truth, root, objects }: TruthMoment): readonly string[] {
  if (root === undefined) return ["the RayService does not exist"];
  const { activeServiceStatus, pendingServiceStatus }: RayServiceStatus = root.status ?? {};
  const active = activeServiceStatus?.rayClusterName ?? "";
  const pending = pendingServiceStatus?.rayClusterName ?? "";
  const expectedOf = ({ metadata }: KubeObject): string => {
    const cluster = metadata.labels?.["ray.io/cluster"];
    if (cluster === (pending === "" ? active : pending)) return "current";
    return cluster === active ? "kept" : "superseded";
  };
  return objects.flatMap((object) => {
    const state = truth.truth.members[object.metadata.name];
    if (object.kind !== "Pod" || state === undefined || state === expectedOf(object)) return [];
    return [`${object.metadata.name} is ${state}, by the status of the RayService ${expectedOf(object)}`];
  });
}
