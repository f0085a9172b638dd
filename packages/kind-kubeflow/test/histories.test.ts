import { jobset } from "@kinsync/kind-jobset";
import { mpijob, trainjob } from "@kinsync/kind-kubeflow";
import { failingHistories, historyConformance, loadHistories } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { mpiJobCounts } from "../../../test/support/controller-counts/mpijob.ts";
import { trainJobCounts } from "../../../test/support/controller-counts/trainjob.ts";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";

const MPI_JOBS = loadHistories(new URL("./histories/mpijob/", import.meta.url));
const TRAIN_JOBS = loadHistories(new URL("./histories/trainjob/", import.meta.url));

historyConformance(mpijob(), MPI_JOBS, { test, crossCheck: mpiJobCounts });
historyConformance(trainjob(), TRAIN_JOBS, { test, kinds: [jobset()], crossCheck: trainJobCounts });

test("the histories of an MPIJob refute a rule by which pods of the newest Job win", () => {
  expect(failingHistories(newestOwnerWins(mpijob()), MPI_JOBS).length).toBeGreaterThanOrEqual(4);
});
