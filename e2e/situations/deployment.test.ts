import { expect } from "vitest";
import { container, deployment, pod, podSpec } from "../harness/manifests.ts";
import { isOneOf, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const WEB = "app=web";

situation("a pod released from its Deployment is no longer updated", {}, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(deployment("web", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2, WEB);
  const [released, kept] = pods;
  if (released === undefined || kept === undefined) throw new Error("fewer than two pods run");
  const kinsync = await fixture.upWithFile("deploy/web");
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await fixture.expectMembers("deploy/web", states(pods, "current"));

  await kubectl.run(["label", "pod", released.metadata.name, "app=elsewhere", "--overwrite"]);
  await kinsync.until(
    "the pod is no longer a member",
    ({ event, uid, state }) => event === "member" && uid === released.metadata.uid && state === "gone",
  );
  const after = await fixture.running(2, WEB);
  await fixture.untilSame(after);
  await fixture.expectMembers("deploy/web", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", after);
  expect(await fixture.list(released)).toEqual({ "f.txt": "file: two\n" });
});

situation("a bare pod is updated only after a Deployment adopts it", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  // After the adoption the ReplicaSet has one pod too many, and deletes one with a lower deletion cost.
  await fixture.create({
    ...pod("bare", podSpec(container(cluster.image))),
    metadata: {
      name: "bare",
      labels: { app: "bare" },
      annotations: { "controller.kubernetes.io/pod-deletion-cost": "100" },
    },
  });
  const [orphan] = await fixture.running(1, "app=bare");
  await fixture.create(deployment("web", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2, WEB);
  if (orphan === undefined) throw new Error("no pod runs");
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 2, targets: 2, synced: 2 });
  await fixture.expectMembers("deploy/web", states(pods, "current"));

  // The selector of the Deployment matches, that of the ReplicaSet does not yet.
  await kubectl.run(["label", "pod", "bare", "app=web", "--overwrite"]);
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  expect(await fixture.list(orphan)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("deploy/web", states(pods, "current"));

  const hash = pods[0]?.metadata.labels?.["pod-template-hash"];
  await kubectl.run(["label", "pod", "bare", `pod-template-hash=${hash}`]);
  const after = await fixture.until("the ReplicaSet has two pods, including the adopted one", async () => {
    const all = await kubectl.pods(WEB);
    return all.length === 2 && all.some(isOneOf([orphan])) && all;
  });
  await fixture.untilSame(after);
  await fixture.expectMembers("deploy/web", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", after);
});

situation("Deployments with equal selectors update only their own pods", {}, async (fixture) => {
  const { cluster, project } = fixture;
  // Their ReplicaSets have the same hash, so no label distinguishes their pods.
  const twin = (name: string): ReturnType<typeof deployment> => {
    return { ...deployment("web", 2, podSpec(container(cluster.image))), metadata: { name } };
  };
  await fixture.create(twin("web"), twin("web-too"));
  const all = await fixture.running(4, WEB);
  expect(new Set(all.map(({ metadata }) => JSON.stringify(metadata.labels))).size).toBe(1);
  const others = all.filter(({ metadata }) => metadata.name.startsWith("web-too-"));
  const own = all.filter((pod) => !others.includes(pod));
  expect(own).toHaveLength(2);

  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 2, targets: 2, synced: 2 });
  await fixture.save(kinsync, "f.txt", "two\n", own);
  for (const pod of others) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("deploy/web", states(own, "current"));
  await fixture.expectMembers("deploy/web-too", states(others, "current"));

  await project.write("other/g.txt", "g\n");
  const other = fixture.up("deploy/web-too", { sync: ["other:/app/src"] });
  expect(await other.ready()).toMatchObject({ members: 2, targets: 2, synced: 2 });
  for (const pod of others) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n", "g.txt": "file: g\n" });
  await fixture.save(kinsync, "f.txt", "three\n", own);
  for (const pod of own) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: three\n" });
});

situation("a Deployment scaled to zero and up again updates new pods", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(deployment("web", 1, podSpec(container(cluster.image))));
  const first = await fixture.running(1, WEB);
  await project.writeAll({ "src/f.txt": "one\n", "src/lib/a.txt": "a\n" });
  const kinsync = fixture.up("deploy/web");
  await kinsync.ready();
  await fixture.expectMembers("deploy/web", states(first, "current"));
  await kubectl.run(["scale", "deployment/web", "--replicas", "3"]);
  const three = await fixture.running(3, WEB);
  await fixture.untilSame(three);
  await fixture.save(kinsync, "f.txt", "two\n", three);
  await fixture.expectMembers("deploy/web", states(three, "current"));
  await kubectl.run(["scale", "deployment/web", "--replicas", "1"]);
  const left = await fixture.running(1, WEB);
  await fixture.save(kinsync, "f.txt", "three\n", left);

  await kubectl.run(["scale", "deployment/web", "--replicas", "0"]);
  await kinsync.until(
    "the Deployment is scaled to 0",
    ({ event, reason }) => event === "note" && /scaled to 0/.test(reason ?? ""),
  );
  await fixture.until("no pod exists", async () => (await kubectl.pods(WEB)).length === 0);
  await fixture.expectMembers("deploy/web", {});
  await project.write("src/f.txt", "four\n");
  await kubectl.run(["scale", "deployment/web", "--replicas", "2"]);
  const two = await fixture.running(2, WEB);
  await fixture.untilSame(two);
  await fixture.expectMembers("deploy/web", states(two, "current"));
  await fixture.save(kinsync, "f.txt", "five\n", two);
});

situation("a Deployment without pods: sync exits with 4, up waits", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(deployment("web", 0, podSpec(container(cluster.image))));
  await project.write("src/f.txt", "one\n");
  const once = await fixture.sync("deploy/web", { args: ["--wait", "2s"] });
  expect(once.end.code).toBe(4);
  const kinsync = fixture.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 0, targets: 0, synced: 0 });
  await fixture.expectMembers("deploy/web", {});
  await kubectl.run(["scale", "deployment/web", "--replicas", "1"]);
  const pods = await fixture.running(1, WEB);
  await fixture.untilSame(pods);
  await fixture.expectMembers("deploy/web", states(pods, "current"));
});
