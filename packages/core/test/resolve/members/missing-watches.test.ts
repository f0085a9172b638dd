import { expect, test } from "vitest";
import type { KindPlugin } from "../../../src/contract/index.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, pod, SQUADS, teamKind, TEAMS } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";
import { train, head, workerPods, fullCluster } from "../support/team.ts";

test("a forbidden list of Jobs is a problem with the RBAC rule, and matchesByLabels selects the pods", async () => {
  const cluster = fullCluster();
  for (const one of workerPods)
    cluster.put({ ...one, metadata: { ...one.metadata, labels: { team: train.metadata.uid, attempt: "1" } } });
  cluster.setFailure(JOBS, "forbidden");
  const kind = teamKind({ matchesByLabels: (root, pod) => pod.metadata.labels?.["team"] === root.metadata.uid });
  await using fixture = startWatch({ cluster, kind });
  const resolution = await fixture.watch.ready;
  expect(states(resolution)).toHaveLength(4);
  expect(resolution.members.every((member) => member.by === "labels" && member.state === "current")).toBe(true);
  expect(resolution.problems).toHaveLength(1);
  expect(resolution.problems[0]?.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
  expect(resolution.problems[0]?.hint).toContain(
    'a Role in namespace ml with the rule { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list", "watch"] }',
  );
  expect(resolution.problems[0]?.message).toContain("selected by their labels");
  // The permission comes: by UID from now on.
  cluster.setFailure(JOBS, undefined);
  const better = await fixture.until((one) => one.problems.length === 0);
  expect(better.members).toHaveLength(5);
  expect(better.members.every((member) => member.by === "owner")).toBe(true);
});

test("a forbidden list of Jobs without matchesByLabels leaves no members and names the reason", async () => {
  const cluster = fullCluster();
  cluster.setFailure(JOBS, "forbidden");
  await using fixture = startWatch({ cluster, kind: teamKind() });
  const resolution = await fixture.watch.ready;
  expect(resolution.members).toEqual([]);
  expect(resolution.problems.map((problem) => problem.code)).toEqual(["KINSYNC_CLUSTER_FORBIDDEN"]);
});

test("an optional watch that is not available is not a problem, and the view names it", async () => {
  const missing: string[][] = [];
  const plain = teamKind();
  const kind: KindPlugin = {
    ...plain,
    watches: () => ({ watches: [{ resource: JOBS }, { resource: SQUADS, optional: true }] }),
    judge: (view) => {
      missing.push(view.missing.map((resource) => resource.plural));
      return plain.judge(view);
    },
  };
  const cluster = fullCluster();
  cluster.setFailure(SQUADS, "not-installed");
  await using fixture = startWatch({ cluster, kind });
  const resolution = await fixture.watch.ready;
  expect(resolution.problems).toEqual([]);
  expect(resolution.members).toHaveLength(5);
  expect(missing.at(-1)).toEqual(["squads"]);
});

test("a forbidden optional watch is a problem where pods are selected by their labels instead", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.put(train, pod("a", { owner: head, labels: { team: "uid-train" } }));
  cluster.setFailure(JOBS, "forbidden");
  const kind = teamKind({
    watches: () => ({ watches: [{ resource: JOBS, optional: true }] }),
    matchesByLabels: (root, pod) => pod.metadata.labels?.["team"] === root.metadata.uid,
  });
  await using fixture = startWatch({ cluster, kind });
  const resolution = await fixture.watch.ready;
  expect(resolution.members.map((member) => member.by)).toEqual(["labels"]);
  expect(resolution.problems.map((problem) => problem.code)).toEqual(["KINSYNC_CLUSTER_FORBIDDEN"]);
});

test("an API server that does not answer is a problem at once, and ready waits", async () => {
  const cluster = fullCluster();
  cluster.setFailure(TEAMS, "unreachable");
  await using fixture = startWatch({ cluster, kind: teamKind() });
  const first = await fixture.until((one) => one.problems.length > 0);
  expect(first.problems[0]?.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
  cluster.setFailure(TEAMS, undefined);
  expect((await fixture.watch.ready).members).toHaveLength(5);
});
