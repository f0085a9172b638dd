import { advancedStatefulSetOracle } from "./kinds/advanced-stateful-set.ts";
import { appWrapperOracle } from "./kinds/app-wrapper.ts";
import { cloneSetOracle } from "./kinds/clone-set.ts";
import { cronJobOracle } from "./kinds/cron-job.ts";
import { daemonSetOracle } from "./kinds/daemon-set.ts";
import { deploymentOracle } from "./kinds/deployment.ts";
import { jobOracle } from "./kinds/job.ts";
import { jobSetOracle } from "./kinds/job-set.ts";
import { knativeServiceOracle } from "./kinds/knative-service.ts";
import { leaderWorkerSetOracle } from "./kinds/leader-worker-set.ts";
import { mpiJobOracle } from "./kinds/mpi-job.ts";
import { rayClusterOracle, rayJobOracle, rayServiceOracle } from "./kinds/ray.ts";
import { REPLICA_JOB_ORACLES } from "./kinds/replica-job.ts";
import { replicaSetOracle, replicationControllerOracle } from "./kinds/replica-set.ts";
import { rolloutOracle } from "./kinds/rollout.ts";
import { statefulSetOracle } from "./kinds/stateful-set.ts";
import { trainJobOracle } from "./kinds/train-job.ts";
import { volcanoJobOracle } from "./kinds/volcano-job.ts";
import type { Oracle } from "./player/oracle.ts";

/** One oracle for each built-in kind. */
export const ORACLES: readonly Oracle[] = [
  deploymentOracle,
  replicaSetOracle,
  replicationControllerOracle,
  statefulSetOracle,
  daemonSetOracle,
  jobOracle,
  cronJobOracle,
  jobSetOracle,
  leaderWorkerSetOracle,
  rolloutOracle,
  rayClusterOracle,
  rayJobOracle,
  rayServiceOracle,
  trainJobOracle,
  mpiJobOracle,
  ...REPLICA_JOB_ORACLES,
  cloneSetOracle,
  advancedStatefulSetOracle,
  volcanoJobOracle,
  knativeServiceOracle,
  appWrapperOracle,
];
