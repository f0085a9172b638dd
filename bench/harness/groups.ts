import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ClusterConnection, Pod } from "@kinsync/core/contract";
import { run } from "../../e2e/harness/command.ts";
import type { BenchCluster, Group } from "./bench-cluster.ts";
import { commandsFor } from "./container-commands.ts";

const FOLDERS = ["bench/lib", "bench/cli", "bench/raw"];
const START_LIMIT_MS = 120_000;
const REQUEST_LIMIT_MS = 10_000;

export async function findKubectl(flags: readonly string[]): Promise<BenchCluster["kubectl"]> {
  try {
    await run(["kubectl", "version", "--client"]);
    return ["kubectl", ...flags];
  } catch {
    return undefined;
  }
}

/** A name that is unique on the machine, so that it identifies containers. */
export function groupName(size: number): string {
  return `bench-${size}-${randomBytes(2).toString("hex")}`;
}

/** Text of a StatefulSet. */
export function groupManifest(name: string, size: number, image: string, command: string | undefined): string {
  const idle = commandsFor(image).idle(FOLDERS, command);
  const container = { name: "main", image, imagePullPolicy: "IfNotPresent", command: idle };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name },
    spec: {
      replicas: size,
      serviceName: name,
      podManagementPolicy: "Parallel",
      selector: { matchLabels: { bench: name } },
      template: {
        metadata: { labels: { bench: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
    },
  });
}

export async function versionOf(connection: ClusterConnection): Promise<string> {
  const response = await connection.request({ path: "/version", signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
  return ((await response.json()) as { gitVersion: string }).gitVersion;
}

/** Waits until all pods of a group run. */
export async function untilRunning(
  connection: ClusterConnection,
  namespace: string,
  name: string,
  size: number,
): Promise<Group> {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  for (;;) {
    const response = await connection.request({
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { labelSelector: `bench=${name}` },
      signal,
    });
    const { items } = (await response.json()) as { items: readonly Pod[] };
    const pods = items.filter(isRunning).map((pod) => pod.metadata.name);
    if (pods.length === size) return { size, workload: `sts/${name}`, pods: pods.toSorted() };
    await delay(200, undefined, { signal });
  }
}

function isRunning({ status }: Pod): boolean {
  return status?.containerStatuses?.[0]?.state?.running !== undefined;
}
