import { expect, test } from "vitest";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, object, pod, PODS, teamKind, TEAMS } from "../../support/objects.ts";
import { startWatch } from "../support/watch-fixture.ts";

function teamCluster(): FakeCluster {
  const cluster = new FakeCluster(ALL);
  const team = object(TEAMS, "train");
  cluster.put(team, pod("train-a", { owner: team }));
  return cluster;
}

test("a workload that no kind supports has a note of what is not known about it", async () => {
  await using fixture = startWatch({ cluster: teamCluster(), kind: undefined });
  const { members, notes } = await fixture.watch.ready;
  expect(members.map(({ state }) => state)).toEqual(["current"]);
  expect(notes).toMatchObject([
    {
      code: "no-kind",
      message:
        "kinsync has no kind for teams.example.com: every live pod of Team train gets files, also those that a rollout is replacing, and roles are not known; `kinsync kinds new teams/train` prints rules to start with",
    },
  ]);
});

test("a workload with a kind, and a pod, have no such note", async () => {
  await using team = startWatch({ cluster: teamCluster(), kind: teamKind() });
  expect((await team.watch.ready).notes).toEqual([]);
  await using alone = startWatch({ cluster: teamCluster(), kind: undefined, resource: PODS, name: "train-a" });
  expect((await alone.watch.ready).notes).toEqual([]);
});
