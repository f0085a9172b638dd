import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type { KindPlugin, KubeObject, Verdict } from "@kinsync/core/contract";

const JOBS = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
/** The controller puts the number of the run on the driver pods and on the Jobs. */
const RUN = "lab.example.com/run";

/** Experiments of the lab: a driver pod and a Job of actors for each run; those of `spec.run` are current. */
export function experiment(): KindPlugin {
  return defineKind({
    name: "experiment",
    root: { group: "lab.example.com", version: "v1", kind: "Experiment", plural: "experiments", shortNames: ["exp"] },
    watches: () => ({ watches: [{ resource: JOBS }] }),
    judge: ({ root }) => {
      const wanted = runOf(root.spec?.["run"]);
      return {
        pod: ({ pod, owners: [job] }) => {
          // The driver's owner is the Experiment itself.
          const about = {
            role: job === undefined ? "driver" : "actor",
            ...indexOf(pod.metadata.labels?.["batch.kubernetes.io/job-completion-index"]),
          };
          return { ...(verdictOfInactivePod(pod) ?? verdictOfRun(job ?? pod, wanted)), ...about };
        },
        ...(wanted === 0 ? { notes: [{ code: "not-started", message: "the Experiment has no run yet" }] } : {}),
      };
    },
  });
}

function verdictOfRun({ metadata }: Pick<KubeObject, "metadata">, wanted: number): Verdict {
  const run = runOf(metadata.labels?.[RUN]);
  const evidence = { [`label ${RUN}`]: run, "spec.run": wanted };
  if (run === wanted) {
    return { state: "current", reason: { code: "run-current", message: `it is of run ${run}`, evidence } };
  }
  const message = `it is of run ${run}, the Experiment is at ${wanted}`;
  return { state: "superseded", reason: { code: "run-other", message, evidence } };
}

/** 0: none. */
function runOf(value: unknown): number {
  const run = Number(value);
  return Number.isInteger(run) ? run : 0;
}

function indexOf(index: string | undefined): { readonly index?: string } {
  return index === undefined ? {} : { index };
}
