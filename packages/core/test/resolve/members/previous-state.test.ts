import { expect, test } from "vitest";
import { pod, teamKind } from "../../support/objects.ts";
import { startWatch } from "../support/watch-fixture.ts";
import { train, head, headPod, fullCluster } from "../support/team.ts";

test("unsettled keeps the previous state of a pod, and a new pod has none", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put({ ...train, status: { attempt: 1, settled: false } });
  fixture.cluster.put(pod("train-head-1", { owner: head, labels: { role: "head", index: "1" } }));
  const resolution = await fixture.until((one) => one.members.some((member) => member.name === "train-head-1"));
  const byName = new Map(resolution.members.map((member) => [member.name, member]));
  expect(byName.get("train-head-0")).toMatchObject({
    state: "current",
    unsettled: true,
    role: "head",
    reason: { code: "unsettled" },
  });
  expect(byName.get("train-head-1")).toMatchObject({ state: "unsettled", unsettled: true });
});

test("a pod that ends while the kind is unsettled does not stay current", async () => {
  const kind = teamKind({
    judge: ({ root }) => ({
      pod: () =>
        root.status?.["settled"] === false
          ? { state: "unsettled", reason: { code: "u", message: "m" } }
          : { state: "current", reason: { code: "c", message: "m" } },
    }),
  });
  await using fixture = startWatch({ cluster: fullCluster(), kind });
  await fixture.watch.ready;
  fixture.cluster.put({ ...train, status: { settled: false } });
  fixture.cluster.put(pod("train-head-0", { owner: head, deleting: true }));
  const resolution = await fixture.until((one) => one.members[0]?.pod.metadata.deletionTimestamp !== undefined);
  expect(resolution.members[0]).toMatchObject({ name: "train-head-0", state: "terminating", unsettled: false });
});

test("the previous state of a pod is dropped with the pod", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.delete(headPod);
  await fixture.until((one) => one.members.length === 4);
  fixture.cluster.put({ ...train, status: { attempt: 1, settled: false } });
  fixture.cluster.put(headPod);
  const resolution = await fixture.until((one) => one.members.length === 5);
  expect(resolution.members[0]).toMatchObject({ name: "train-head-0", state: "unsettled" });
});
