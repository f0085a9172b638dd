import { eventsOf, formatHistory, historyConformance, parseHistory, recordHistory } from "@kinsync/core/testing";
import type { CrossCheck, HistoryRecorder } from "@kinsync/core/testing";
import { defineKind, delegatedVerdict } from "@kinsync/core/contract";
import type { KubeObject } from "@kinsync/core/contract";
import { expect, test } from "vitest";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, NAMESPACE, object, pod, REPLICASETS, SQUADS, teamKind, TEAMS } from "../../support/objects.ts";

const team = (attempt: number): KubeObject => object(TEAMS, "red", { status: { attempt } });
const job = (attempt: number): KubeObject =>
  object(JOBS, `red-${attempt}`, { owner: team(attempt), labels: { attempt: String(attempt) } });
const member = (attempt: number, parts = {}): KubeObject => pod(`red-${attempt}-x`, { owner: job(attempt), ...parts });

/** Only what the plan of the kind, its root and pods bring. */
async function record(
  cluster: FakeCluster,
  signal: AbortSignal,
  more: { readonly crossCheck?: CrossCheck; readonly timeout?: number } = {},
): Promise<HistoryRecorder> {
  const { crossCheck, timeout = 2000 } = more;
  return recordHistory({
    cluster,
    namespace: NAMESPACE,
    kinds: [{ kind: teamKind(), ...(crossCheck === undefined ? {} : { crossCheck }) }],
    scenario: "the Team starts over",
    timeout,
    signal,
  });
}

function textOf(recorder: HistoryRecorder): string {
  const [recorded] = recorder.histories();
  return recorded === undefined ? "" : formatHistory(recorded.history);
}

/** Judges the recorded text as a kind's own test does. */
function assertConforms(text: string): void {
  historyConformance(teamKind(), [parseHistory("recorded", text)], { test: (_name, run) => run() });
}

test("a Team that starts over: its owners, made after the start, are recorded, and the kind is proven by it", async ({
  signal,
}) => {
  const cluster = new FakeCluster(ALL);
  await using recorder = await record(cluster, signal);
  cluster.put(team(1), job(1), member(1), object(REPLICASETS, "not-read-by-the-kind"));
  expect(await recorder.recordTruth("teams/red", { "red-1-x": "current" }, signal)).toBe(true);
  cluster.put(team(2), job(2), member(2));
  await recorder.recordTruth("tm/red", { "red-1-x": "superseded", "red-2-x": "current" }, signal);
  cluster.delete(member(1));
  await recorder.recordTruth("team/red", { "red-2-x": "current" }, signal);

  const text = textOf(recorder);
  const history = parseHistory("recorded", text);
  expect(history.origin?.scenario).toBe("the Team starts over");
  expect(eventsOf(history).map(({ type, object }) => `${type} ${object.kind} ${object.metadata.name}`)).toEqual([
    "ADDED Team red",
    "ADDED Job red-1",
    "ADDED Pod red-1-x",
    "MODIFIED Team red",
    "ADDED Job red-2",
    "ADDED Pod red-2-x",
    "DELETED Pod red-1-x",
  ]);
  assertConforms(text);
});

test("what the kind of a delegated child reads is recorded, and judges the child in the history", async ({
  signal,
}) => {
  const reason = { code: "not-judged", message: "no kind judges its Team" };
  const squad = defineKind({
    name: "squad",
    needs: ["delegate"],
    root: SQUADS,
    watches: () => ({ watches: [{ resource: TEAMS, delegate: true }], pods: "delegated" }),
    judge: (view) => ({ pod: (owned) => delegatedVerdict(view, owned) ?? { state: "unsettled", reason } }),
  });
  const owned = object(TEAMS, "red", { owner: object(SQUADS, "all"), status: { attempt: 1 } });
  const cluster = new FakeCluster(ALL);
  const kinds = [teamKind()];
  const options = { cluster, namespace: NAMESPACE, scenario: "a Squad with a Team", signal };
  await using recorder = await recordHistory({ ...options, kinds: [{ kind: squad, kinds }] });
  cluster.put(object(SQUADS, "all"), owned, job(1), member(1));
  await recorder.recordTruth("squad/all", { "red-1-x": "current" }, signal);
  const history = parseHistory("recorded", textOf(recorder));
  expect(eventsOf(history).map(({ object: { kind } }) => kind)).toEqual(["Squad", "Team", "Job", "Pod"]);
  historyConformance(squad, [history], { test: (_name, run) => run(), kinds });
});

test("the watches end, and one loses its connection: what happens meanwhile is recorded", async ({ signal }) => {
  const cluster = new FakeCluster(ALL);
  await using recorder = await record(cluster, signal);
  cluster.put(team(1), job(1), member(1));
  await recorder.recordTruth("team/red", { "red-1-x": "current" }, signal);
  cluster.end();
  cluster.put(team(2), job(2), member(2));
  cluster.delete(member(1));
  await recorder.recordTruth("team/red", { "red-2-x": "current" }, signal);
  cluster.drop();
  cluster.put(team(3));
  await recorder.recordTruth("team/red", { "red-2-x": "superseded" }, signal);
  const lines = parseHistory("recorded", textOf(recorder)).lines.map((line) =>
    "truth" in line ? "truth" : `${line.type} ${line.object.kind}`,
  );
  expect(lines).toContain("DELETED Pod");
  expect(lines.filter((line) => line === "truth")).toHaveLength(3);
  assertConforms(textOf(recorder));
});

test("the server forgot what came meanwhile: the recording says that events were lost", async ({ signal }) => {
  const cluster = new FakeCluster(ALL);
  await using recorder = await record(cluster, signal);
  cluster.put(team(1));
  await recorder.recordTruth("team/red", {}, signal);
  cluster.end();
  cluster.put(team(2));
  cluster.compact();
  await expect(recorder.recordTruth("team/red", {}, signal)).rejects.toThrow(/events of .* were lost/);
});

test("the controller's counts come late: the truth is written down once they agree", async ({ signal }) => {
  const cluster = new FakeCluster(ALL);
  const crossCheck: CrossCheck = ({ root, truth }) => {
    // The status comes after the second look.
    if (root?.status?.["attempt"] === 1) cluster.put(team(2));
    return root?.status?.["attempt"] === 2 ? [] : [`${Object.keys(truth.truth.members).length} members, no count`];
  };
  await using recorder = await record(cluster, signal, { crossCheck });
  cluster.put(team(1), job(2), member(2));
  await recorder.recordTruth("team/red", { "red-2-x": "current" }, signal);
  expect(parseHistory("recorded", textOf(recorder)).lines.at(-1)).toMatchObject({ status: { attempt: 2 } });
});

test("the controller's counts never agree: the truth is not recorded, and the counts are named", async ({ signal }) => {
  const cluster = new FakeCluster(ALL);
  await using recorder = await record(cluster, signal, { crossCheck: () => ["1 is 2"], timeout: 300 });
  cluster.put(team(1));
  await expect(recorder.recordTruth("team/red", {}, signal)).rejects.toThrow(/within 0.3 s: 1 is 2/);
  expect(recorder.histories()).toEqual([]);
});

test("a truth about a workload of another kind is not recorded", async ({ signal }) => {
  const cluster = new FakeCluster(ALL);
  await using recorder = await record(cluster, signal);
  expect(await recorder.recordTruth("job/red", {}, signal)).toBe(false);
  expect(recorder.histories()).toEqual([]);
});

test("values of users, addresses and node names are not in a history, and repeats are left out", async ({ signal }) => {
  const cluster = new FakeCluster(ALL);
  await using recorder = await record(cluster, signal);
  const container = { name: "main", image: "busybox:1", env: [{ name: "KEY", value: "s3cret" }], args: ["s3cret"] };
  const spec = { nodeName: "ip-10-0-0-7", serviceAccountToken: "s3cret", containers: [container] };
  const status = (time: string): object => ({
    phase: "Running",
    podIP: "10.1.2.3",
    hostIP: "10.0.0.7",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: time, message: "10.0.0.7 said so" }],
  });
  cluster.put(object(TEAMS, "red", { spec: { template: { metadata: { labels: { a: "b" } }, spec } } }));
  cluster.put(pod("red-1", { spec, status: { ...status("t1") } }), pod("red-1", { spec, status: { ...status("t2") } }));
  await recorder.recordTruth("team/red", {}, signal);
  const text = textOf(recorder);
  expect(text).not.toMatch(/s3cret|10\.|ip-10|KEY|"t1"/);
  expect(eventsOf(parseHistory("recorded", text)).map(({ object }) => [object.spec, object.status])).toEqual([
    [{ template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "main" }] } } }, undefined],
    [
      { nodeName: "node-1", containers: [{ name: "main" }] },
      { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    ],
  ]);
});
