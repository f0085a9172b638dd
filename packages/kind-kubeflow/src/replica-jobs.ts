import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type { Judgement, KindPlugin, KubeObject, Pod, WatchPlan } from "@kinsync/core/contract";
import { indexOf, judgeLivePod, KEYS, readRun } from "./live-pod.ts";
import { notesOfRun, type JobStatus, type RunPolicy } from "./notes.ts";

/** Replicas by type: `Master`, `Worker`, `PS`. */
export type ReplicaSpecs = Readonly<Record<string, { readonly replicas?: number }>>;

/** What the jobs of the training operator differ in. */
interface Family {
  readonly kind: string;
  /** Field of the spec that has the replicas by type. */
  readonly specs: string;
  /** Container that runs the training (`pkg/apis/kubeflow.org/v1`). */
  readonly container: string;
}

/** The kind of PyTorchJobs of the training operator. */
export function pytorchjob(): KindPlugin {
  return replicaJob({ kind: "PyTorchJob", specs: "pytorchReplicaSpecs", container: "pytorch" });
}

/** The kind of TFJobs of the training operator. */
export function tfjob(): KindPlugin {
  return replicaJob({ kind: "TFJob", specs: "tfReplicaSpecs", container: "tensorflow" });
}

/** The kind of XGBoostJobs of the training operator. */
export function xgboostjob(): KindPlugin {
  return replicaJob({ kind: "XGBoostJob", specs: "xgbReplicaSpecs", container: "xgboost" });
}

/** The kind of PaddleJobs of the training operator. */
export function paddlejob(): KindPlugin {
  return replicaJob({ kind: "PaddleJob", specs: "paddleReplicaSpecs", container: "paddle" });
}

/** The kind of JAXJobs of the training operator. */
export function jaxjob(): KindPlugin {
  return replicaJob({ kind: "JAXJob", specs: "jaxReplicaSpecs", container: "jax" });
}

/**
 * A job owns its pods directly. The operator creates them again under their names, and lists them by controller UID; the label of the
 * job's name also fits a TFJob and a PyTorchJob of one name (training-operator `pkg/controller.v1/common/pod.go`).
 */
function replicaJob(family: Family): KindPlugin {
  const name = family.kind.toLowerCase();
  return defineKind({
    name,
    needs: ["roles"],
    root: { group: "kubeflow.org", version: "v1", kind: family.kind, plural: `${name}s` },
    watches: watchesOfJob,
    judge: ({ root }) => judgeReplicas(root, readReplicas(root, family.specs)),
    roles: (root) => rolesOf(readReplicas(root, family.specs)),
    defaultContainer: ({ spec }) => spec.containers.find((container) => container.name === family.container)?.name,
  });
}

export function watchesOfJob(root: KubeObject): WatchPlan {
  return { watches: [], pods: { labelSelector: `${KEYS.jobName}=${root.metadata.name}` } };
}

export function readReplicas(root: KubeObject, field: string): ReplicaSpecs {
  return (root.spec?.[field] ?? {}) as ReplicaSpecs;
}

/** The label of a pod has the type in lower case. */
export function rolesOf(replicas: ReplicaSpecs): readonly string[] {
  return Object.keys(replicas).map((type) => type.toLowerCase());
}

function replicasOf(replicas: ReplicaSpecs, role: string | undefined): number | undefined {
  const [, found] = Object.entries(replicas).find(([type]) => type.toLowerCase() === role) ?? [];
  return found === undefined ? undefined : (found.replicas ?? 1);
}

/** An MPIJob in v1 also has the field where it stood before there was `runPolicy` (`pkg/controller.v1/mpi/mpijob_controller.go`). */
type FormerPolicy = Pick<RunPolicy, "cleanPodPolicy">;

function formerPolicyOf(spec: FormerPolicy | undefined): FormerPolicy {
  return spec?.cleanPodPolicy === undefined ? {} : { cleanPodPolicy: spec.cleanPodPolicy };
}

/** Judges pods that the job owns itself: role and index are labels. */
export function judgeReplicas(root: KubeObject, replicas: ReplicaSpecs): Judgement {
  const { spec, status }: KubeObject<{ readonly runPolicy?: RunPolicy } & FormerPolicy, JobStatus> = root;
  const run = readRun(root, { ...formerPolicyOf(spec), ...spec?.runPolicy }, status);
  return {
    pod: ({ pod }) => {
      const role = roleOf(pod);
      const index = indexOf(pod);
      return {
        ...(verdictOfInactivePod(pod) ?? judgeLivePod(run, index, replicasOf(replicas, role))),
        ...(role === undefined ? {} : { role }),
        ...(index === undefined ? {} : { index: String(index) }),
      };
    },
    notes: notesOfRun(root, spec?.runPolicy, status),
  };
}

function roleOf({ metadata }: Pod): string | undefined {
  const role = metadata.labels?.[KEYS.replicaType];
  return role === "" ? undefined : role;
}
