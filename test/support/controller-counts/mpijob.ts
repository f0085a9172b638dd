import type { TruthMoment } from "@kinsync/core/testing";
import { countOf, differences } from "./count-states.ts";

interface MpiJobStatus {
  readonly replicaStatuses?: { readonly Worker?: { readonly active?: number } };
}

/**
 * Compares a truth with the counts of the MPI operator (`updateMPIJobStatus`, mpi-operator `pkg/controller/mpi_job_controller.go`):
 * `replicaStatuses.Worker.active` counts the workers that run.
 * @returns the differences
 */
export function mpiJobCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the MPIJob does not exist"];
  const { replicaStatuses }: MpiJobStatus = moment.root.status ?? {};
  const workers = countOf(
    moment,
    "current",
    ({ metadata }) => metadata.labels?.["training.kubeflow.org/job-role"] === "worker",
  );
  return differences("workers are current", workers, "active workers", replicaStatuses?.Worker?.active ?? 0);
}
