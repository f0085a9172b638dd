import type { NewObject, Playground, StoredObject } from "@kinsync/playground";
import { IDLE } from "../support/playground.ts";

const containers = [{ name: "main", image: "playground/busybox", command: ["sh", "-c", IDLE] }];

function podTemplate(labels: Readonly<Record<string, string>>, revision: string): object {
  return {
    metadata: { labels, annotations: { revision } },
    spec: { terminationGracePeriodSeconds: 0, containers },
  };
}

/** A JobSet of one head and some workers, which starts over when one of them fails. */
export function jobSet(name: string, workers: number): NewObject {
  const job = (role: string, pods: number): object => ({
    name: role,
    replicas: 1,
    template: {
      spec: {
        parallelism: pods,
        completions: pods,
        completionMode: "Indexed",
        backoffLimit: 0,
        template: { spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 0, containers } },
      },
    },
  });
  return {
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name, namespace: "default" },
    spec: { failurePolicy: { maxRestarts: 3 }, replicatedJobs: [job("head", 1), job("worker", workers)] },
  };
}

export function deployment(name: string, replicas: number, revision: string): NewObject {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: podTemplate(labels, revision),
    },
  };
}

export function statefulSet(name: string, replicas: number, revision: string, partition = 0): NewObject {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      serviceName: name,
      podManagementPolicy: "Parallel",
      selector: { matchLabels: labels },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } },
      template: podTemplate(labels, revision),
    },
  };
}

/** Pods of the namespace that are running and not on their way out. */
export function runningPods(playground: Playground): StoredObject[] {
  return playground.store
    .list("pods", "default")
    .filter((pod) => pod.status?.["phase"] === "Running" && pod.metadata.deletionTimestamp === undefined);
}

/** Settles with the running pods when there are exactly so many. */
export function untilPods(playground: Playground, count: number): Promise<StoredObject[]> {
  return playground.until(
    () => {
      const pods = runningPods(playground);
      return pods.length === count ? pods : undefined;
    },
    { what: `${count} running pods`, timeout: 20_000 },
  );
}

/** Names, sorted. */
export function namesOf(pods: readonly StoredObject[]): string[] {
  return pods.map((pod) => pod.metadata.name).toSorted((a, b) => a.localeCompare(b));
}
