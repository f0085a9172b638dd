import type { Fixture } from "../../../harness/fixture.ts";
import type { JobFamily } from "../../../harness/kubeflow-manifests.ts";
import type { Pod } from "../../../harness/objects.ts";
import { isOneOf, isRunning } from "../../../harness/pods.ts";

export async function resize(
  { kubectl }: Fixture,
  { kind, specs }: JobFamily,
  name: string,
  replicas: number,
): Promise<void> {
  await kubectl.patch(`${kind.toLowerCase()}/${name}`, { spec: { [specs]: { Worker: { replicas } } } });
}

/** Waits until exactly this number of pods runs, and none of these. @returns the pods */
export function othersRun(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} other pods run`, async () => {
    const pods = (await fixture.kubectl.pods()).filter((pod) => isRunning(pod));
    return pods.length === count && !pods.some(isOneOf(old)) && pods;
  });
}

/** Role and index of each member, sorted. */
export async function membersOf(fixture: Fixture, workload: string): Promise<readonly string[]> {
  const { members } = await fixture.tree(workload);
  return members.map(({ role, index }) => `${role} ${index}`).toSorted();
}
