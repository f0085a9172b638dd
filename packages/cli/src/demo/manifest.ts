import type { NewObject } from "@kinsync/playground";

/** Where the demo's containers look for their config, relative to their working directory. */
export const CONFIG_FILE = "config/train.yaml";

export const NAMESPACE = "default";

/** Name of the JobSet. */
export const WORKLOAD = "train";

/** What each member does: it reads its config again and again, and says so when it has changed. */
const LOOP = `
last=
while :; do
  now=$(cat ${CONFIG_FILE} 2>/dev/null)
  if [ -n "$now" ] && [ "$now" != "$last" ]; then echo "read $now"; last=$now; fi
  sleep 0.1
done`;

/** A job of a training run: restarted in place when its container dies. */
function replicatedJob(name: string, pods: number, extra: Readonly<Record<string, unknown>> = {}): object {
  return {
    name,
    replicas: 1,
    template: {
      spec: {
        parallelism: pods,
        completions: pods,
        completionMode: "Indexed",
        backoffLimit: 10,
        template: {
          spec: {
            restartPolicy: "OnFailure",
            terminationGracePeriodSeconds: 0,
            containers: [{ name: "main", image: "playground/busybox", command: ["sh", "-c", LOOP] }],
            ...extra,
          },
        },
      },
    },
  };
}

/**
 * A JobSet of one head and four workers. The workers' Job is made when the head is ready, which takes longer than the one
 * second that creation times are told apart by.
 */
export function trainManifest(): NewObject {
  const warmUp = {
    initContainers: [{ name: "warm-up", image: "playground/busybox", command: ["sh", "-c", "sleep 1.2"] }],
  };
  return {
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name: WORKLOAD, namespace: NAMESPACE },
    spec: {
      startupPolicy: { startupPolicyOrder: "InOrder" },
      replicatedJobs: [replicatedJob("head", 1, warmUp), replicatedJob("worker", 4)],
    },
  };
}
