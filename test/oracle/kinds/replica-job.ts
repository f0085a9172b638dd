import type { KindPlugin, KubeObject } from "@kinsync/core/contract";
import { jaxjob, mpijob, paddlejob, pytorchjob, tfjob, xgboostjob } from "@kinsync/kind-kubeflow";
import { controllerUidOf, hasLabels, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS } from "../cluster/types.ts";
import {
  endOf,
  failsUnlessByExitCode,
  failsUnlessItRestarts,
  failsWhereReplicasAreMissing,
  failsWithItsLauncher,
  placeOf,
  replicasOf,
  syncReplicaJobs,
  type Family,
  type ReplicaJob,
} from "../controllers/replica-job.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { relabelPod, RootDeeds } from "./deeds.ts";

const V1 = "kubeflow.org/v1";

function oracleOf(name: string, kind: () => KindPlugin, family: Omit<Family, "apiVersion">): Oracle {
  return { name, kind, start: (store) => start(store, { ...family, apiVersion: V1 }) };
}

/** The jobs of the training operator: every live pod counts until the job ends, and with cleanPodPolicy None also after that. */
export const REPLICA_JOB_ORACLES: readonly Oracle[] = [
  oracleOf("pytorchjob", pytorchjob, {
    kind: "PyTorchJob",
    field: "pytorchReplicaSpecs",
    first: "Master",
    fails: failsWhereReplicasAreMissing,
  }),
  oracleOf("tfjob", tfjob, { kind: "TFJob", field: "tfReplicaSpecs", first: "Chief", fails: failsUnlessItRestarts }),
  oracleOf("xgboostjob", xgboostjob, {
    kind: "XGBoostJob",
    field: "xgbReplicaSpecs",
    first: "Master",
    fails: failsUnlessByExitCode,
  }),
  oracleOf("paddlejob", paddlejob, {
    kind: "PaddleJob",
    field: "paddleReplicaSpecs",
    first: "Master",
    fails: failsWhereReplicasAreMissing,
  }),
  oracleOf("jaxjob", jaxjob, {
    kind: "JAXJob",
    field: "jaxReplicaSpecs",
    first: "Worker",
    fails: failsWhereReplicasAreMissing,
  }),
  oracleOf("mpijob v1", mpijob, {
    kind: "MPIJob",
    field: "mpiReplicaSpecs",
    first: "Launcher",
    fails: failsWithItsLauncher,
    isMpi: true,
  }),
];

function start(store: Store, family: Family): Course {
  const root = new RootDeeds<ReplicaJob>(store, (choice) => {
    const restartPolicy = pick(["OnFailure", "Never", "ExitCode"], choice);
    return {
      apiVersion: family.apiVersion,
      kind: family.kind,
      metadata: { name: ROOT },
      spec: {
        runPolicy: { cleanPodPolicy: pick(["None", "Running", "All"], Math.floor(choice / 3)) },
        [family.field]: {
          [family.first]: { replicas: 1, restartPolicy },
          ...(family.first === "Worker" ? {} : { Worker: { replicas: Math.floor(choice / 9) % 3, restartPolicy } }),
        },
      },
    };
  });
  return {
    controllers: { job: () => syncReplicaJobs(store, family) },
    deciders: ["job"],
    deeds: {
      ...root.deeds(),
      suspend: root.change((choice, { runPolicy }) => ({ runPolicy: { ...runPolicy, suspend: choice % 2 === 0 } })),
      scale: (choice) => {
        const { object } = root;
        if (object === undefined) return;
        const replicas = replicasOf(object, family);
        const worker = { ...replicas["Worker"], replicas: choice % 4 };
        store.patch(object.metadata.uid, { spec: { [family.field]: { ...replicas, Worker: worker } } });
      },
      relabel: relabelPod(store, "training.kubeflow.org/job-name"),
    },
    expected: () => expected(store, root.object, family),
  };
}

function expected(store: Store, root: (KubeObject & ReplicaJob) | undefined, family: Family): Expectation {
  const targets = new Map<string, Place>();
  const open = new Set<string>();
  if (root === undefined) return { targets };
  const { suspend = false, cleanPodPolicy = "None" } = root.spec?.runPolicy ?? {};
  const hasEnded = endOf(root) !== undefined;
  const replicas = Object.entries(replicasOf(root, family));
  for (const pod of store.list(PODS)) {
    const place = placeOf(pod);
    if (!isAlive(pod) || controllerUidOf(pod) !== root.metadata.uid) continue;
    if (isDeleting(root) || !hasLabels(pod, { "training.kubeflow.org/job-name": ROOT })) open.add(pod.metadata.uid);
    const [, wanted] = replicas.find(([type]) => type.toLowerCase() === place.role) ?? [];
    const isStaying = hasEnded ? cleanPodPolicy === "None" : !suspend && place.index < (wanted?.replicas ?? 1);
    if (isStaying) targets.set(pod.metadata.uid, { role: place.role, index: String(place.index) });
  }
  return { targets, open };
}
