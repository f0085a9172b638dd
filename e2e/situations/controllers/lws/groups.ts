import type { KubernetesObject } from "@kubernetes/client-node";
import type { Fixture } from "../../../harness/fixture.ts";
import type { PodSpec } from "../../../harness/manifests.ts";
import type { Pod } from "../../../harness/objects.ts";
import { isOneOf, isRunning, isTerminating } from "../../../harness/pods.ts";
import { releasePods } from "../../../harness/pod-triggers.ts";

/** The LeaderWorkerSet of the situations. */
export const SERVE = "lws/serve";

interface LeaderWorkerSetFields {
  readonly restartPolicy?: "RecreateGroupOnPodRestart" | "None";
  readonly startupPolicy?: "LeaderCreated" | "LeaderReady";
  readonly rolloutStrategy?: object;
}

/** A LeaderWorkerSet of groups with a leader and a worker, from one template. */
export function leaderWorkerSet(
  replicas: number,
  spec: PodSpec,
  { restartPolicy, ...more }: LeaderWorkerSetFields = {},
): KubernetesObject & { readonly spec: object } {
  const policy = restartPolicy === undefined ? {} : { restartPolicy };
  return {
    apiVersion: "leaderworkerset.x-k8s.io/v1",
    kind: "LeaderWorkerSet",
    metadata: { name: "serve" },
    spec: { replicas, leaderWorkerTemplate: { size: 2, workerTemplate: { spec }, ...policy }, ...more },
  };
}

/** How groups are rolled: one at a time, unless the configuration has another surge. */
export function rolling(configuration: { readonly partition?: number; readonly maxSurge?: number }): {
  readonly rolloutStrategy: object;
} {
  return { rolloutStrategy: { type: "RollingUpdate", rollingUpdateConfiguration: configuration } };
}

export async function roll({ kubectl }: Fixture, spec: PodSpec): Promise<void> {
  await kubectl.patch(SERVE, { spec: { leaderWorkerTemplate: { workerTemplate: { spec } } } });
}

/** The pods of a group. */
export function inGroup(pods: readonly Pod[], group: string): readonly Pod[] {
  return pods.filter((pod) => groupOf(pod) === group);
}

/** Waits until as many pods run as before, and exactly those of these groups are other ones. @returns all of them */
export function recreated(
  fixture: Fixture,
  before: readonly Pod[],
  groups: readonly string[],
): Promise<readonly Pod[]> {
  return fixture.until(`the groups ${groups.join(", ")} are other ones`, async () => {
    const pods = await fixture.kubectl.pods();
    const areRunning = pods.length === before.length && pods.every((pod) => isRunning(pod));
    const areOthers = pods.every((pod) => isOneOf(before)(pod) !== groups.includes(groupOf(pod)));
    return areRunning && areOthers && pods;
  });
}

/** Lets pods of `lingering` end that are being deleted, also those that appear meanwhile, until the probe succeeds. */
export function releaseUntil<Result>(
  fixture: Fixture,
  what: string,
  probe: (pods: readonly Pod[]) => Result | undefined | false,
): Promise<Result> {
  return fixture.until(what, async () => {
    const pods = await fixture.kubectl.pods();
    // One that has ended meanwhile has no container to run a command in.
    for (const pod of pods.filter(isTerminating)) await releasePods(fixture.kubectl, [pod]).catch(() => undefined);
    return probe(pods);
  });
}

function groupOf({ metadata }: Pod): string {
  return metadata.labels?.["leaderworkerset.sigs.k8s.io/group-index"] ?? "";
}
