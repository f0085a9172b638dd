import { expect, test } from "vitest";
import type { KindPlugin } from "../../../src/contract/index.ts";
import { JOBS, object, pod, teamKind, TEAMS } from "../../support/objects.ts";
import { startWatch } from "../support/watch-fixture.ts";
import { train, head, fullCluster } from "../support/team.ts";

test("one pod's event is judged for that pod only", async () => {
  const asked: string[] = [];
  const plain = teamKind();
  const kind: KindPlugin = {
    ...plain,
    judge: (view) => {
      asked.push("judge");
      const judgement = plain.judge(view);
      return {
        pod: (owned) => {
          asked.push(owned.pod.metadata.name);
          return judgement.pod(owned);
        },
      };
    },
  };
  await using fixture = startWatch({ cluster: fullCluster(), kind });
  await fixture.watch.ready;
  asked.length = 0;
  fixture.cluster.put(pod("train-head-0", { owner: head, labels: { role: "head", index: "7" } }));
  await fixture.until((one) => one.members.some((member) => member.index === "7"));
  expect(asked).toEqual(["train-head-0"]);
});

test("the first resolution reports all members as changes, one pod's event only that pod", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  const first = await fixture.watch.ready;
  expect(fixture.changes[0]?.map(({ before, after }) => [before, after?.name])).toEqual(
    expect.arrayContaining(first.members.map(({ name }) => [undefined, name])),
  );
  fixture.cluster.put(pod("train-head-0", { owner: head, labels: { role: "head", index: "7" } }));
  await fixture.until((one) => one.members.some((member) => member.index === "7"));
  const changes = fixture.changes.at(-1);
  expect(changes?.map(({ before, after }) => [before?.index, after?.index])).toEqual([["0", "7"]]);
});

test("a change of the root that concerns no member reports no changes", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put({ ...train, status: { attempt: 1, ready: 5 } });
  await fixture.until((one) => one.root?.status?.["ready"] === 5);
  expect(fixture.changes.at(-1)).toEqual([]);
});

test("a new root under the name reports its members as added and those of the former root as removed", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  const again = object(TEAMS, "train", { uid: "uid-again", status: { attempt: 1 } });
  const job = object(JOBS, "train-head", { uid: "uid-head-again", owner: again, labels: { attempt: "1" } });
  fixture.cluster.put(again, job, pod("again-0", { owner: job }));
  await fixture.until((one) => one.members[0]?.name === "again-0");
  const all = fixture.changes.slice(1).flat();
  expect(all.filter(({ after }) => after === undefined)).toHaveLength(5);
  expect(all.filter(({ before }) => before === undefined).map(({ after }) => after?.name)).toEqual(["again-0"]);
});

test("a kind that judges the whole set gets all pods at every event", async () => {
  const seen: number[] = [];
  const kind = teamKind({
    judgesSet: true,
    judge: ({ pods }) => {
      seen.push(pods.length);
      const newest = pods
        .map(({ pod }) => pod.metadata.uid)
        .sort()
        .at(-1);
      return {
        pod: ({ pod }) => ({
          state: pod.metadata.uid === newest ? "current" : "superseded",
          reason: { code: "count", message: `one of ${pods.length}` },
        }),
      };
    },
  });
  await using fixture = startWatch({ cluster: fullCluster(), kind });
  await fixture.watch.ready;
  fixture.cluster.put(pod("z", { owner: head }));
  const resolution = await fixture.until((one) => one.members.length === 6);
  expect(resolution.members.filter((member) => member.state === "current").map((member) => member.name)).toEqual(["z"]);
  expect(seen.at(-1)).toBe(6);
});
