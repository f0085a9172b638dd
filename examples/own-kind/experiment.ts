import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type { KindPlugin, KubeObject, Verdict } from "@kinsync/core/contract";

const JOBS = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
/** Label on driver pods and Jobs: the number of their run. */
const RUN = "lab.example.com/run";
/** Label on Jobs: the arm of the experiment, such as `baseline`. */
const ARM = "lab.example.com/arm";

/** Kind for Experiments: each run has a driver pod and one Job of actors for each arm; the pods of run `spec.run` are current. */
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
            ...armOf(job?.metadata.labels?.[ARM]),
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
    return { state: "current", reason: { code: "run-current", message: `it belongs to run ${run}`, evidence } };
  }
  const message = `it belongs to run ${run}, the Experiment is at ${wanted}`;
  return { state: "superseded", reason: { code: "run-other", message, evidence } };
}

/** The number of a run; 0 if there is none. */
function runOf(value: unknown): number {
  const run = Number(value);
  return Number.isInteger(run) ? run : 0;
}

/** Mappings select by it: `labels: { arm: "variant" }`. */
function armOf(arm: string | undefined): Pick<Verdict, "labels"> {
  return arm === undefined || arm === "" ? {} : { labels: { arm } };
}

function indexOf(index: string | undefined): { readonly index?: string } {
  return index === undefined ? {} : { index };
}
