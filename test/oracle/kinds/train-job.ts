import type { KubeObject } from "@kinsync/core/contract";
import { jobset } from "@kinsync/kind-jobset";
import { trainjob } from "@kinsync/kind-kubeflow";
import { controllerReference, isDeleting, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOB_SETS, PODS, TRAIN_JOBS } from "../cluster/types.ts";
import { syncJobs } from "../controllers/job.ts";
import { JobSetController } from "../controllers/job-set.ts";
import { ROOT, type Course, type Expectation, type Oracle } from "../player/oracle.ts";
import { RootDeeds } from "./deeds.ts";
import { expectedOfJobSet, jobDeeds, jobSetSpec } from "./job-set.ts";

type TrainJob = Typed<{ readonly suspend: boolean; readonly template: object }>;

/** What counts of its JobSet, which has the same name. */
export const trainJobOracle: Oracle = { name: "trainjob", kind: trainjob, children: () => [jobset()], start };

function start(store: Store): Course {
  const controller = new JobSetController(store);
  const root = new RootDeeds<TrainJob>(store, (choice) => ({
    ...TRAIN_JOBS,
    metadata: { name: ROOT },
    spec: { suspend: false, template: jobSetSpec(choice) },
  }));
  return {
    controllers: { trainjob: () => syncTrainJobs(store), jobset: () => controller.sync(), job: () => syncJobs(store) },
    deciders: ["trainjob", "jobset"],
    deeds: {
      ...root.deeds(),
      ...jobDeeds(store),
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
    },
    expected: () => expected(store, controller, root.object),
  };
}

/** One pass over all TrainJobs (trainer `pkg/runtime/framework/plugins/jobset/jobset.go`). */
function* syncTrainJobs(store: Store): Generator<void> {
  for (const job of store.list(TRAIN_JOBS)) {
    const { spec, metadata }: TrainJob = job;
    if (isDeleting(job) || store.get(metadata.uid) === undefined) continue;
    const [found] = store.ownedBy(metadata.uid, JOB_SETS);
    const suspend = spec?.suspend === true;
    if (found === undefined) {
      if (store.find(JOB_SETS, metadata.name) !== undefined) continue;
      store.create({
        ...JOB_SETS,
        metadata: { name: metadata.name, ownerReferences: [controllerReference(job)] },
        spec: { ...spec?.template, suspend },
      });
      yield;
    } else if (found.spec?.["suspend"] !== suspend) {
      store.update(found, { spec: { suspend } });
      yield;
    }
  }
}

function expected(store: Store, controller: JobSetController, root: KubeObject | undefined): Expectation {
  const [set] = root === undefined ? [] : store.ownedBy(root.metadata.uid, JOB_SETS);
  if (root === undefined || set === undefined) return { targets: new Map() };
  const { targets } = expectedOfJobSet(store, controller, set);
  const isGoing = isDeleting(root) || isDeleting(set);
  return { targets, open: new Set(isGoing ? store.list(PODS).map(({ metadata }) => metadata.uid) : []) };
}
