import { jobset } from "@kinsync/kind-jobset";
import { jaxjob, mpijob, paddlejob, pytorchjob, tfjob, trainjob, xgboostjob } from "@kinsync/kind-kubeflow";
import { failingHistories, historyConformance, loadHistories } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { mpiJobCounts } from "../../../test/support/controller-counts/mpijob.ts";
import { replicaJobCounts } from "../../../test/support/controller-counts/replica-job.ts";
import { trainJobCounts } from "../../../test/support/controller-counts/trainjob.ts";
import { mpiJobV1 } from "../../../test/support/mpi-job-v1.ts";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";

const MPI_JOBS = loadHistories(new URL("./histories/mpijob/", import.meta.url));
const TRAIN_JOBS = loadHistories(new URL("./histories/trainjob/", import.meta.url));

historyConformance(mpijob(), MPI_JOBS, { test, crossCheck: mpiJobCounts });
historyConformance(trainjob(), TRAIN_JOBS, { test, kinds: [jobset()], crossCheck: trainJobCounts });
historyConformance(mpiJobV1(), loadHistories(new URL("./histories/mpijob-v1/", import.meta.url)), {
  test,
  crossCheck: replicaJobCounts,
});
for (const kind of [pytorchjob(), tfjob(), xgboostjob(), paddlejob(), jaxjob()]) {
  const histories = loadHistories(new URL(`./histories/${kind.name}/`, import.meta.url));
  historyConformance(kind, histories, { test, crossCheck: replicaJobCounts });
}

test("the histories of an MPIJob refute a rule by which pods of the newest Job win", () => {
  expect(failingHistories(newestOwnerWins(mpijob()), MPI_JOBS).length).toBeGreaterThanOrEqual(4);
});
