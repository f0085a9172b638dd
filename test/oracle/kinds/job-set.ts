import type { KubeObject } from "@kinsync/core/contract";
import { jobset } from "@kinsync/kind-jobset";
import { controllerUidOf, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOB_SETS, JOBS, PODS } from "../cluster/types.ts";
import { setPhase } from "../cluster/kubelet.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { indexIn, isEnding, syncJobs } from "../controllers/job.ts";
import { JobSetController, placeOf, type JobSet } from "../controllers/job-set.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { RootDeeds } from "./deeds.ts";

/** The pods of every Job of the present attempt count, whichever Job is the youngest. */
export const jobSetOracle: Oracle = { name: "jobset", kind: jobset, start };

/** The spec of a JobSet with two replicated Jobs. */
export function jobSetSpec(choice: number): object {
  const job = { completions: 1 + (choice % 2), parallelism: 2, completionMode: "Indexed", backoffLimit: choice % 2 };
  return {
    failurePolicy: {
      restartStrategy: choice % 3 === 0 ? "BlockingRecreate" : "Recreate",
      action: choice % 5 < 2 ? "RestartJob" : "RestartJobSet",
    },
    replicatedJobs: [
      { name: "head", replicas: 1, job },
      { name: "worker", replicas: 1 + (choice % 2), job, ...(choice % 4 === 3 ? { dependsOn: "head" } : {}) },
    ],
  };
}

function start(store: Store): Course {
  const controller = new JobSetController(store);
  const root = new RootDeeds<JobSet>(store, (choice) => ({
    ...JOB_SETS,
    metadata: { name: ROOT },
    spec: jobSetSpec(choice),
  }));
  return {
    controllers: { jobset: () => controller.sync(), job: () => syncJobs(store) },
    deciders: ["jobset"],
    deeds: {
      ...root.deeds(),
      ...jobDeeds(store),
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
    },
    expected: () =>
      root.object === undefined ? { targets: new Map() } : expectedOfJobSet(store, controller, root.object),
  };
}

/** What happens to single Jobs. */
export function jobDeeds(store: Store): Course["deeds"] {
  return {
    "delete a job": (choice) => {
      const found = pick(store.list(JOBS), choice);
      if (found !== undefined) deleteObject(store, found, pick(["Background", "Foreground"], choice));
    },
    "fail a job": (choice) => {
      const found = pick(store.list(JOBS), choice);
      if (found === undefined || isEnding(found)) return;
      const { uid } = found.metadata;
      const conditions = [{ type: "FailureTarget", status: "True" }];
      if (choice % 2 === 0) {
        store.patch(uid, { status: { conditions } });
        return;
      }
      // All at once, as a client sees it that has not looked for a while.
      for (const pod of store.ownedBy(uid, PODS)) if (isAlive(pod)) setPhase(store, pod, "Failed");
      store.patch(uid, { status: { conditions: [...conditions, { type: "Failed", status: "True" }] } });
    },
  };
}

export function expectedOfJobSet(store: Store, controller: JobSetController, root: KubeObject & JobSet): Expectation {
  const targets = new Map<string, Place>();
  if (root.status?.terminalState !== undefined) return { targets };
  const open = new Set<string>();
  for (const job of store.ownedBy(root.metadata.uid, JOBS)) {
    const isGoing = isDeleting(job) || isEnding(job) || job.spec?.["suspend"] === true;
    if (isGoing || !controller.isCurrent(root, job)) continue;
    const { role, index } = placeOf(job);
    for (const pod of store.list(PODS)) {
      if (!isAlive(pod) || controllerUidOf(pod) !== job.metadata.uid) continue;
      targets.set(pod.metadata.uid, { role, index: `${index}/${indexIn(pod)}` });
      if (isDeleting(root)) open.add(pod.metadata.uid);
    }
  }
  return { targets, open };
}
