import { expect, test } from "vitest";
import type { KubeObject, WatchPlan } from "../../../src/contract/index.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, object, pod, STATEFULSETS, teamKind, TEAMS } from "../../support/objects.ts";
import { startWatch } from "../support/watch-fixture.ts";
import { train, head, fullCluster } from "../support/team.ts";

test("a change of the root that changes its watches keeps the resolution until the new watches are listed", async () => {
  const kind = teamKind({
    watches: (root): WatchPlan => ({
      watches: [{ resource: JOBS }],
      pods: { labelSelector: `app=${String(root.spec?.["app"])}` },
    }),
  });
  const cluster = new FakeCluster(ALL);
  const root = object(TEAMS, "train", { spec: { app: "a" } });
  cluster.put(root, head);
  cluster.put(pod("a-0", { owner: head, labels: { app: "a" } }), pod("b-0", { owner: head, labels: { app: "b" } }));
  await using fixture = startWatch({ cluster, kind });
  expect((await fixture.watch.ready).members.map((member) => member.name)).toEqual(["a-0"]);
  cluster.put({ ...root, spec: { app: "b" } });
  await fixture.until((one) => one.members.some((member) => member.name === "b-0"));
  expect(fixture.resolutions.every((one) => one.members.length === 1)).toBe(true);
  // The watch of the old selector is let go.
  expect(fixture.reflectors.size).toBe(3);
});

test("a kind sees its own projection, which cannot drop what ownership needs", async () => {
  const seen: KubeObject[] = [];
  const kind = teamKind({
    watches: () => ({
      watches: [
        {
          resource: JOBS,
          project: ({ metadata }) => ({ apiVersion: "", kind: "", metadata: { name: "", uid: metadata.uid } }),
        },
      ],
    }),
    judge: ({ owned }) => {
      seen.push(...owned);
      return { pod: () => ({ state: "current", reason: { code: "x", message: "y" } }) };
    },
  });
  await using fixture = startWatch({ cluster: fullCluster(), kind });
  expect((await fixture.watch.ready).members).toHaveLength(5);
  expect(seen[0]).toMatchObject({ kind: "Job", metadata: { name: "train-head" } });
  expect(seen[0]?.metadata.labels).toBeUndefined();
});

test("pods below a StatefulSet that a pod owns are members", async () => {
  const kind = teamKind({
    watches: () => ({ watches: [{ resource: STATEFULSETS }] }),
    judge: () => ({
      pod: ({ owners }) => ({
        state: "current",
        role: owners.length > 1 ? "worker" : "leader",
        reason: { code: "x", message: "y" },
      }),
    }),
  });
  const cluster = new FakeCluster(ALL);
  const leaders = object(STATEFULSETS, "lws", { owner: train });
  const leader = pod("lws-0", { owner: leaders });
  const workers = object(STATEFULSETS, "lws-0", { uid: "uid-workers", owner: leader });
  cluster.put(train, pod("lws-0-1", { owner: workers }), workers);
  await using fixture = startWatch({ cluster, kind });
  expect((await fixture.watch.ready).members).toEqual([]);
  // What joins the two comes last.
  cluster.put(leaders);
  cluster.put(leader);
  const resolution = await fixture.until((one) => one.members.length === 2);
  expect(resolution.members.map((member) => `${member.role}:${member.name}`)).toEqual([
    "leader:lws-0",
    "worker:lws-0-1",
  ]);
  expect(resolution.members[1]?.owners.map((owner) => owner.metadata.uid)).toEqual([
    "uid-workers",
    "uid-lws-0",
    "uid-lws",
  ]);
  cluster.delete(leader);
  await fixture.until((one) => one.members.length === 0);
});
