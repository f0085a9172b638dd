import type { Fixture } from "../../../harness/fixture.ts";
import type { PodSpec } from "../../../harness/manifests.ts";
import type { Pod } from "../../../harness/objects.ts";
import { isOneOf, isRunning } from "../../../harness/pods.ts";

export async function roll({ kubectl }: Fixture, workload: string, spec: PodSpec): Promise<void> {
  await kubectl.patch(workload, { spec: { template: { spec } } });
}

/** Waits until exactly this number of pods exists and runs, and `count` of them are not of these. @returns all of them */
export function replaced(fixture: Fixture, old: readonly Pod[], all: number, count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} of ${all} pods are other ones`, async () => {
    const pods = await fixture.kubectl.pods();
    const areRunning = pods.length === all && pods.every((pod) => isRunning(pod));
    return areRunning && pods.filter((pod) => !isOneOf(old)(pod)).length === count && pods;
  });
}

/** True if the container was started from this image. */
export function runsImage({ status }: Pod, image: string): boolean {
  return status.containerStatuses?.[0]?.image?.includes(image) ?? false;
}
