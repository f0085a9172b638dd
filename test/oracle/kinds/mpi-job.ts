import type { KubeObject } from "@kinsync/core/contract";
import { mpijob } from "@kinsync/kind-kubeflow";
import { isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOBS, MPI_JOBS, PODS } from "../cluster/types.ts";
import { syncJobs } from "../controllers/job.ts";
import { syncMpiJobs, type MpiJob } from "../controllers/mpi-job.ts";
import { endOf, type Replica } from "../controllers/replica-job.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { RootDeeds } from "./deeds.ts";
import { jobDeeds } from "./job-set.ts";

/** The workers, and the launcher, whose Job may be far younger than they are. */
export const mpiJobOracle: Oracle = { name: "mpijob", kind: mpijob, start };

function start(store: Store): Course {
  const places = new Map<string, Replica>();
  const root = new RootDeeds<MpiJob>(store, (choice) => ({
    ...MPI_JOBS,
    metadata: { name: ROOT },
    spec: {
      runPolicy: { cleanPodPolicy: pick(["None", "Running", "All"] as const, choice) ?? "None" },
      runLauncherAsWorker: choice % 4 === 1,
      launcherCreationPolicy: choice % 2 === 0 ? "AtStartup" : "WaitForWorkersReady",
      mpiReplicaSpecs: { Launcher: {}, Worker: { replicas: 1 + (choice % 2) } },
    },
  }));
  return {
    controllers: { mpijob: () => syncMpiJobs(store, places), job: () => syncJobs(store, false) },
    deciders: ["mpijob"],
    deeds: {
      ...root.deeds(),
      suspend: root.change((choice, { runPolicy }) => ({ runPolicy: { ...runPolicy, suspend: choice % 2 === 0 } })),
      scale: root.change((choice) => ({ mpiReplicaSpecs: { Launcher: {}, Worker: { replicas: choice % 4 } } })),
      "delete a job": jobDeeds(store)["delete a job"]!,
    },
    expected: () => expected(store, root.object, places),
  };
}

function expected(
  store: Store,
  root: (KubeObject & MpiJob) | undefined,
  places: ReadonlyMap<string, Replica>,
): Expectation {
  const targets = new Map<string, Place>();
  if (root === undefined) return { targets };
  const { spec, metadata } = root;
  const { suspend = false, cleanPodPolicy = "None" } = spec?.runPolicy ?? {};
  const hasEnded = endOf(root) !== undefined;
  const isShifted = spec?.runLauncherAsWorker === true;
  for (const pod of store.ownedBy(metadata.uid, PODS)) {
    const { index = 0 } = places.get(pod.metadata.uid) ?? {};
    const wanted = (spec?.mpiReplicaSpecs?.Worker.replicas ?? 0) + (isShifted ? 1 : 0);
    const isStaying = hasEnded ? cleanPodPolicy === "None" : !suspend && index < wanted;
    if (isAlive(pod) && isStaying) targets.set(pod.metadata.uid, { role: "worker", index: String(index) });
  }
  for (const launcher of store.ownedBy(metadata.uid, JOBS)) {
    if (suspend || hasEnded || isDeleting(launcher)) continue;
    for (const pod of store.ownedBy(launcher.metadata.uid, PODS)) {
      if (isAlive(pod)) targets.set(pod.metadata.uid, { role: "launcher", index: isShifted ? "0" : undefined });
    }
  }
  return { targets, open: new Set(isDeleting(root) ? store.list(PODS).map((pod) => pod.metadata.uid) : []) };
}
