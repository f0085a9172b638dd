import type { KubeObject } from "@kinsync/core/contract";
import { volcanojob } from "@kinsync/kind-volcano";
import { isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, VOLCANO_JOBS } from "../cluster/types.ts";
import { VolcanoController, type VolcanoJob } from "../controllers/volcano-job.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { RootDeeds } from "./deeds.ts";

const GOING = ["Aborting", "Aborted", "Completing", "Completed", "Terminating", "Terminated", "Failed"];

/** Pods of the present version of the Job count, until the Job ends. */
export const volcanoJobOracle: Oracle = { name: "volcano-job", kind: volcanojob, start };

function start(store: Store): Course {
  const controller = new VolcanoController(store);
  const root = new RootDeeds<VolcanoJob>(store, (choice) => ({
    ...VOLCANO_JOBS,
    metadata: { name: ROOT },
    spec: {
      policy: pick(["RestartJob", "RestartPod", "AbortJob"] as const, choice),
      tasks: [
        { name: "main", replicas: 1 },
        { name: "side", replicas: choice % 3 },
      ],
    },
  }));
  return {
    controllers: { job: () => controller.sync() },
    deciders: ["job"],
    deeds: {
      ...root.deeds(),
      scale: root.change((choice, { tasks = [] }) => ({
        tasks: tasks.map((task, at) => (at === choice % 2 ? { ...task, replicas: Math.floor(choice / 2) % 3 } : task)),
      })),
    },
    expected: () => expected(store, root.object, controller),
  };
}

function expected(
  store: Store,
  root: (KubeObject & VolcanoJob) | undefined,
  { slots }: VolcanoController,
): Expectation {
  const targets = new Map<string, Place>();
  if (root === undefined || GOING.includes(root.status?.state?.phase ?? "")) return { targets };
  const own = store.ownedBy(root.metadata.uid, PODS);
  for (const pod of own) {
    const slot = slots.get(pod.metadata.uid);
    if (slot === undefined || !isAlive(pod) || slot.version < (root.status?.version ?? 0)) continue;
    const task = root.spec?.tasks?.find(({ name }) => name === slot.task);
    if (slot.index < (task?.replicas ?? 0))
      targets.set(pod.metadata.uid, { role: slot.task, index: String(slot.index) });
  }
  return { targets, open: new Set(isDeleting(root) ? own.map(({ metadata }) => metadata.uid) : []) };
}
