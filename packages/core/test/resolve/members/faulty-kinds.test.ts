import { expect, test } from "vitest";
import type { KindPlugin } from "../../../src/contract/index.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, teamKind } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";
import { train, head, headPod, fullCluster } from "../support/team.ts";

test("a kind that throws is named, and the previous states are kept", async () => {
  const plain = teamKind();
  const kind: KindPlugin = {
    ...plain,
    judge: (view) => {
      if (view.root.status?.["broken"] === true) throw new TypeError("cannot read x of undefined");
      return plain.judge(view);
    },
  };
  await using fixture = startWatch({ cluster: fullCluster(), kind });
  await fixture.watch.ready;
  fixture.cluster.put({ ...train, status: { attempt: 1, broken: true } });
  const resolution = await fixture.until((one) => one.problems.length > 0);
  expect(resolution.problems[0]).toMatchObject({ code: "KINSYNC_PLUGIN_FAILED", plugin: "team", operation: "judge" });
  expect(resolution.members.every((member) => member.state === "current" && member.unsettled)).toBe(true);
});

test("a kind that returns an invalid verdict is named with the pod", async () => {
  const kind = teamKind({
    judge: () => ({ pod: () => ({ state: "fine" as "current", reason: { code: "x", message: "y" } }) }),
  });
  const cluster = new FakeCluster(ALL);
  cluster.put(train, head, headPod);
  await using fixture = startWatch({ cluster, kind });
  const resolution = await fixture.watch.ready;
  expect(resolution.problems[0]?.message).toContain('returned state "fine" for pod train-head-0');
  expect(states(resolution)).toEqual(["train-head-0=unsettled"]);
});

test("a kind that changes its input fails, and the change reaches no other code", async () => {
  const kind = teamKind({
    judge: (view) => {
      (view.root.metadata as { name: string }).name = "mine";
      return { pod: () => ({ state: "current", reason: { code: "x", message: "y" } }) };
    },
  });
  const cluster = new FakeCluster(ALL);
  cluster.put(train);
  await using fixture = startWatch({ cluster, kind });
  const resolution = await fixture.watch.ready;
  expect(resolution.problems[0]?.code).toBe("KINSYNC_PLUGIN_FAILED");
  expect(resolution.root?.metadata.name).toBe("train");
});
