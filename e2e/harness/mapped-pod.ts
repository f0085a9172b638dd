import type { Fixture } from "./fixture.ts";
import type { KinsyncProcess } from "./kinsync-process.ts";
import { container, EMPTY, pod, podSpec } from "./manifests.ts";
import type { Pod } from "./objects.ts";

/** The pod `x`, whose container has an empty mapped folder. */
export async function emptyPod(fixture: Fixture): Promise<Pod> {
  await fixture.create(pod("x", podSpec(container(fixture.cluster.image, EMPTY))));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  return x;
}

export interface MappedPod {
  readonly kinsync: KinsyncProcess;
  readonly x: Pod;
  readonly pods: readonly Pod[];
}

/** That pod, and a `kinsync up` that has completed its first pass of `src`. */
export async function mappedPod(fixture: Fixture): Promise<MappedPod> {
  const x = await emptyPod(fixture);
  const kinsync = fixture.up("pod/x");
  await kinsync.ready();
  return { kinsync, x, pods: [x] };
}
