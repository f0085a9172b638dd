import type { KubernetesObject } from "@kubernetes/client-node";
import type { PodSpec } from "./manifests.ts";

/** A kind of job of Kubeflow's training operator. */
export interface JobFamily {
  readonly kind: string;
  /** Field of the spec with the replicas of each type. */
  readonly specs: string;
  /** Name of the container that the operator requires. */
  readonly container: string;
}

export const PYTORCH: JobFamily = { kind: "PyTorchJob", specs: "pytorchReplicaSpecs", container: "pytorch" };
export const TENSORFLOW: JobFamily = { kind: "TFJob", specs: "tfReplicaSpecs", container: "tensorflow" };
export const XGBOOST: JobFamily = { kind: "XGBoostJob", specs: "xgbReplicaSpecs", container: "xgboost" };
export const PADDLE: JobFamily = { kind: "PaddleJob", specs: "paddleReplicaSpecs", container: "paddle" };
export const JAX: JobFamily = { kind: "JAXJob", specs: "jaxReplicaSpecs", container: "jax" };
export const MPI: JobFamily = { kind: "MPIJob", specs: "mpiReplicaSpecs", container: "mpi" };

/** Type of the replicas, their number and their pods. */
type Replicas = Readonly<Record<string, readonly [number, PodSpec]>>;

interface Policies {
  readonly restartPolicy?: string;
  readonly runPolicy?: object;
}

export function replicaJob(
  { kind, specs }: JobFamily,
  name: string,
  replicas: Replicas,
  { restartPolicy = "ExitCode", runPolicy = {} }: Policies = {},
): KubernetesObject & { readonly spec: object } {
  const entries = Object.entries(replicas).map(([type, [count, spec]]) => {
    return [type, { replicas: count, restartPolicy, template: { spec } }] as const;
  });
  return {
    apiVersion: "kubeflow.org/v1",
    kind,
    metadata: { name },
    spec: { runPolicy, [specs]: Object.fromEntries(entries) },
  };
}
