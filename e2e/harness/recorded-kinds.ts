import type { KindPlugin } from "@kinsync/core/contract";
import type { RecordedKind } from "@kinsync/core/testing";
import { appwrapper } from "@kinsync/kind-appwrapper";
import { daemonset } from "@kinsync/kind-daemonset";
import { deployment } from "@kinsync/kind-deployment";
import { cronjob, job } from "@kinsync/kind-job";
import { jobset } from "@kinsync/kind-jobset";
import { knativeservice } from "@kinsync/kind-knative";
import { advancedstatefulset, cloneset } from "@kinsync/kind-kruise";
import { jaxjob, mpijob, paddlejob, pytorchjob, tfjob, trainjob, xgboostjob } from "@kinsync/kind-kubeflow";
import { leaderworkerset } from "@kinsync/kind-leaderworkerset";
import { raycluster, rayjob, rayservice } from "@kinsync/kind-ray";
import { replicaset, replicationcontroller } from "@kinsync/kind-replicaset";
import { rollout } from "@kinsync/kind-rollout";
import { statefulset } from "@kinsync/kind-statefulset";
import { appWrapperCounts } from "../../test/support/controller-counts/appwrapper.ts";
import { cronJobCounts } from "../../test/support/controller-counts/cronjob.ts";
import { daemonSetCounts } from "../../test/support/controller-counts/daemonset.ts";
import { deploymentCounts } from "../../test/support/controller-counts/deployment.ts";
import { jobCounts } from "../../test/support/controller-counts/job.ts";
import { jobSetCounts } from "../../test/support/controller-counts/jobset.ts";
import { knativeRevisions } from "../../test/support/controller-counts/knative.ts";
import { advancedStatefulSetCounts, cloneSetCounts } from "../../test/support/controller-counts/kruise.ts";
import { leaderWorkerSetCounts } from "../../test/support/controller-counts/leaderworkerset.ts";
import { mpiJobCounts } from "../../test/support/controller-counts/mpijob.ts";
import { rayClusterCounts, rayJobCounts, rayServiceClusters } from "../../test/support/controller-counts/ray.ts";
import { replicaJobCounts } from "../../test/support/controller-counts/replica-job.ts";
import { replicaSetCounts } from "../../test/support/controller-counts/replicaset.ts";
import { rolloutCounts } from "../../test/support/controller-counts/rollout.ts";
import { statefulSetCounts } from "../../test/support/controller-counts/statefulset.ts";
import { trainJobCounts } from "../../test/support/controller-counts/trainjob.ts";
import { mpiJobV1 } from "../../test/support/mpi-job-v1.ts";

/** A kind, and where its histories are. */
export interface KindWithFolder extends RecordedKind {
  /** Folder of the histories below `packages`. */
  readonly folder: string;
}

const CONTROL_PLANE: readonly KindWithFolder[] = [
  { folder: "kind-deployment/test/histories", kind: deployment(), crossCheck: deploymentCounts },
  { folder: "kind-jobset/test/histories", kind: jobset(), crossCheck: jobSetCounts },
  {
    folder: "kind-statefulset/test/histories",
    kind: statefulset(),
    crossCheck: statefulSetCounts,
    extraResources: [{ group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions" }],
  },
];

const OTHER_CONTROLLERS: Readonly<Record<string, readonly KindWithFolder[]>> = {
  kubernetes: [
    { folder: "kind-daemonset/test/histories", kind: daemonset(), crossCheck: daemonSetCounts },
    { ...ofFamily("kind-replicaset", replicaset()), crossCheck: replicaSetCounts },
    { ...ofFamily("kind-replicaset", replicationcontroller()), crossCheck: replicaSetCounts },
    { ...ofFamily("kind-job", job()), crossCheck: jobCounts },
    { ...ofFamily("kind-job", cronjob(), [job()]), crossCheck: cronJobCounts },
  ],
  "argo-rollouts": [{ folder: "kind-rollout/test/histories", kind: rollout(), crossCheck: rolloutCounts }],
  kuberay: [
    { ...ofFamily("kind-ray", raycluster()), crossCheck: rayClusterCounts },
    { ...ofFamily("kind-ray", rayjob(), [raycluster(), job()]), crossCheck: rayJobCounts },
    { ...ofFamily("kind-ray", rayservice(), [raycluster()]), crossCheck: rayServiceClusters },
  ],
  "mpi-operator": [{ ...ofFamily("kind-kubeflow", mpijob()), crossCheck: mpiJobCounts }],
  "training-operator": [
    ...[pytorchjob(), tfjob(), xgboostjob(), paddlejob(), jaxjob()].map((kind) => ({
      ...ofFamily("kind-kubeflow", kind),
      crossCheck: replicaJobCounts,
    })),
    { folder: "kind-kubeflow/test/histories/mpijob-v1", kind: mpiJobV1(), crossCheck: replicaJobCounts },
  ],
  "kubeflow-trainer": [{ ...ofFamily("kind-kubeflow", trainjob(), [jobset()]), crossCheck: trainJobCounts }],
  knative: [
    {
      folder: "kind-knative/test/histories",
      kind: knativeservice(),
      crossCheck: knativeRevisions,
      kinds: [deployment()],
    },
  ],
  lws: [{ folder: "kind-leaderworkerset/test/histories", kind: leaderworkerset(), crossCheck: leaderWorkerSetCounts }],
  kruise: [
    { ...ofFamily("kind-kruise", cloneset()), crossCheck: cloneSetCounts },
    { ...ofFamily("kind-kruise", advancedstatefulset()), crossCheck: advancedStatefulSetCounts },
  ],
  appwrapper: [
    {
      folder: "kind-appwrapper/test/histories",
      kind: appwrapper(),
      crossCheck: appWrapperCounts,
      kinds: [deployment(), job()],
    },
  ],
};

/** The kinds whose histories the situations record: those of a controller of another project, or of the cluster's own ones. */
export function recordedKinds(controller: string | undefined): readonly KindWithFolder[] {
  return controller === undefined ? CONTROL_PLANE : (OTHER_CONTROLLERS[controller] ?? []);
}

/** A kind of a package with several: each has a folder of its own. */
function ofFamily(folder: string, kind: KindPlugin, kinds: readonly KindPlugin[] = []): KindWithFolder {
  return { folder: `${folder}/test/histories/${kind.name}`, kind, kinds };
}
