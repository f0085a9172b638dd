import type { Kinsync } from "./kinsync-process.ts";
import { container, EMPTY, pod, podSpec } from "./manifests.ts";
import type { Pod } from "./objects.ts";
import type { Stage } from "./fixture.ts";

/** The pod `x`, whose container has an empty folder. */
export async function emptyPod(stage: Stage): Promise<Pod> {
  await stage.create(pod("x", podSpec(container(stage.world.image, EMPTY))));
  const [x] = await stage.running(1);
  if (x === undefined) throw new Error("one pod runs");
  return x;
}

export interface Mapped {
  readonly kinsync: Kinsync;
  readonly x: Pod;
  readonly pods: readonly Pod[];
}

/** That pod, and kinsync that keeps `src` in step there: its first pass is done. */
export async function mappedPod(stage: Stage): Promise<Mapped> {
  const x = await emptyPod(stage);
  const kinsync = stage.up("pod/x");
  await kinsync.ready();
  return { kinsync, x, pods: [x] };
}
