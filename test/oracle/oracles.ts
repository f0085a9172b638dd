import { cronJobOracle } from "./kinds/cron-job.ts";
import { daemonSetOracle } from "./kinds/daemon-set.ts";
import { deploymentOracle } from "./kinds/deployment.ts";
import { jobOracle } from "./kinds/job.ts";
import { jobSetOracle } from "./kinds/job-set.ts";
import { leaderWorkerSetOracle } from "./kinds/leader-worker-set.ts";
import { rayClusterOracle, rayJobOracle, rayServiceOracle } from "./kinds/ray.ts";
import { replicaSetOracle, replicationControllerOracle } from "./kinds/replica-set.ts";
import { rolloutOracle } from "./kinds/rollout.ts";
import { statefulSetOracle } from "./kinds/stateful-set.ts";
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
];
