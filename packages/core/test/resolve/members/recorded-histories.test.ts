import { loadHistories, reorderHistory } from "@kinsync/core/testing";
import type { History, HistoryEvent, HistoryTruth } from "@kinsync/core/testing";
import type { KindPlugin, KubeObject } from "../../../src/contract/index.ts";
import { describe, expect, test } from "vitest";
import { deployment } from "../../../../kind-deployment/src/index.ts";
import { jobset } from "../../../../kind-jobset/src/index.ts";
import { statefulset } from "../../../../kind-statefulset/src/index.ts";
import type { Resolution } from "../../../src/resolve/resolution.ts";
import { seededRandom } from "../../../src/testing/kinds/shuffle.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { DEPLOYMENTS, JOBS, NAMESPACE, PODS, REPLICASETS, STATEFULSETS } from "../../support/objects.ts";
import { startWatch } from "../support/watch-fixture.ts";
import type { WatchFixture } from "../support/watch-fixture.ts";

const JOBSETS = jobset().root;
const REVISIONS = { group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions" };
const SERVED = [PODS, JOBS, JOBSETS, DEPLOYMENTS, REPLICASETS, STATEFULSETS, REVISIONS];
const ORDERS = [1, 2];

const isTruth = (line: HistoryEvent | HistoryTruth): line is HistoryTruth => "truth" in line;
const workloadsOf = ({ lines }: History): Set<string> =>
  new Set(lines.filter(isTruth).map(({ truth }) => truth.workload));

describe.each([
  ["deployment", deployment()],
  ["jobset", jobset()],
  ["statefulset", statefulset()],
])("what the controller of a %s did", (name, kind) => {
  const histories = loadHistories(new URL(`../../../../kind-${name}/test/histories/`, import.meta.url));

  test.each(histories)("$name: each truth is resolved, and nobody obsolete is current again", async (history) => {
    for (const order of ORDERS) {
      for (const workload of workloadsOf(history)) await assertTold(kind, history, workload, seededRandom(order));
    }
  });
});

/** Plays a history to a watched workload, with watches that overtake each other, end, break off, and begin anew. */
async function assertTold(kind: KindPlugin, history: History, workload: string, random: () => number): Promise<void> {
  const cluster = new FakeCluster(SERVED);
  const name = workload.slice(workload.indexOf("/") + 1);
  await using fixture = startWatch({ cluster, kind, resource: kind.root, name });
  const truths: { readonly obsolete: ReadonlySet<string>; readonly told: number }[] = [];
  for (const line of reorderHistory(history.lines, random)) {
    if (!isTruth(line)) {
      await play(cluster, line, random());
      continue;
    }
    if (line.truth.workload !== workload) continue;
    const { members } = line.truth;
    await untilStates(fixture, members);
    const obsolete = new Set(
      cluster
        .objectsOf(PODS)
        .filter(({ metadata }) => ["superseded", "terminating", "finished"].includes(members[metadata.name] ?? ""))
        .map(({ metadata }) => metadata.uid),
    );
    truths.push({ obsolete, told: fixture.resolutions.length });
  }
  for (const [at, { obsolete, told }] of truths.entries()) {
    const next = truths[at + 1];
    if (next === undefined) break;
    const alive = new Set([...obsolete].filter((uid) => next.obsolete.has(uid)));
    const returned = fixture.resolutions
      .slice(told, next.told)
      .flatMap((resolution) => resolution.members)
      .filter(({ uid, state }) => alive.has(uid) && state === "current");
    expect(returned).toEqual([]);
  }
}

async function play(cluster: FakeCluster, { type, object }: HistoryEvent, chance: number): Promise<void> {
  const change = (): void => {
    if (type === "DELETED") cluster.delete(here(object));
    else cluster.put(here(object));
  };
  if (chance < 0.05) {
    // The watches miss it, and have to list again.
    cluster.missEvents(change);
    cluster.compact();
    cluster.drop();
  } else change();
  if (chance > 0.95) cluster.end();
  if (chance > 0.3) await new Promise((resolve) => setImmediate(resolve));
}

function here(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace: NAMESPACE } };
}

function statesOf(resolution: Resolution | undefined): Record<string, string> {
  return Object.fromEntries(resolution?.members.map(({ name, state }) => [name, state] as const) ?? []);
}

async function untilStates(fixture: WatchFixture, expected: Readonly<Record<string, string>>): Promise<void> {
  await expect.poll(() => statesOf(fixture.resolutions.at(-1)), { timeout: 5000, interval: 5 }).toEqual(expected);
}
