import { expect } from "vitest";
import { container, deployment, podSpec } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";
import { isOneOf, states } from "../harness/pods.ts";

const WEB = "app=web";

situation(
  "a pod is taken out of its Deployment by its label: it is left alone, its replacement is caught up",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(deployment("web", 2, podSpec(container(world.image))));
    const pods = await stage.running(2, WEB);
    const [released, kept] = pods;
    if (released === undefined || kept === undefined) throw new Error("two pods run");
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", pods);
    await stage.truth("deploy/web", states(pods, "current"));

    await kubectl.run(["label", "pod", released.metadata.name, "app=elsewhere", "--overwrite"]);
    await kinsync.until(
      "the pod is no member any more",
      ({ event, uid, state }) => event === "member" && uid === released.metadata.uid && state === "gone",
    );
    const after = await stage.running(2, WEB);
    await stage.same(after);
    await stage.truth("deploy/web", states(after, "current"));
    await stage.save(kinsync, "f.txt", "three\n", after);
    expect(await stage.look(released)).toEqual({ "f.txt": "file: two\n" });
  },
);

situation(
  "a pod of nobody takes on the labels of a Deployment: it is no member before it is adopted, and caught up afterwards",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    // The ReplicaSet has one pod too many then, and lets go of one that costs less.
    const bare = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "bare",
        labels: { app: "bare" },
        annotations: { "controller.kubernetes.io/pod-deletion-cost": "100" },
      },
      spec: podSpec(container(world.image)),
    };
    await stage.create(bare);
    const [orphan] = await stage.running(1, "app=bare");
    await stage.create(deployment("web", 2, podSpec(container(world.image))));
    const pods = await stage.running(2, WEB);
    if (orphan === undefined) throw new Error("a pod runs");
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    expect(await kinsync.ready()).toMatchObject({ members: 2, targets: 2, synced: 2 });
    await stage.truth("deploy/web", states(pods, "current"));

    // The Deployment's selector matches, the ReplicaSet's does not yet.
    await kubectl.run(["label", "pod", "bare", "app=web", "--overwrite"]);
    await stage.save(kinsync, "f.txt", "two\n", pods);
    expect(await stage.look(orphan)).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("deploy/web", states(pods, "current"));

    const hash = pods[0]?.metadata.labels?.["pod-template-hash"];
    await kubectl.run(["label", "pod", "bare", `pod-template-hash=${hash}`]);
    const after = await stage.until("the ReplicaSet has two pods again, the adopted one among them", async () => {
      const all = await kubectl.pods(WEB);
      return all.length === 2 && all.some(isOneOf([orphan])) && all;
    });
    await stage.same(after);
    await stage.truth("deploy/web", states(after, "current"));
    await stage.save(kinsync, "f.txt", "three\n", after);
  },
);

situation(
  "two Deployments that share selector, labels and template: each serves its own pods alone",
  {},
  async (stage) => {
    const { project, world } = stage;
    // The ReplicaSets have the same hash then, so that no label tells the pods of the two apart.
    const twin = (name: string): ReturnType<typeof deployment> => {
      return { ...deployment("web", 2, podSpec(container(world.image))), metadata: { name } };
    };
    await stage.create(twin("web"), twin("web-too"));
    const all = await stage.running(4, WEB);
    expect(new Set(all.map(({ metadata }) => JSON.stringify(metadata.labels))).size).toBe(1);
    const others = all.filter(({ metadata }) => metadata.name.startsWith("web-too-"));
    const own = all.filter((pod) => !others.includes(pod));
    expect(own).toHaveLength(2);

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    expect(await kinsync.ready()).toMatchObject({ members: 2, targets: 2, synced: 2 });
    await stage.save(kinsync, "f.txt", "two\n", own);
    for (const pod of others) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("deploy/web", states(own, "current"));
    await stage.truth("deploy/web-too", states(others, "current"));

    await project.write("other/g.txt", "g\n");
    const other = stage.up("deploy/web-too", { sync: ["other:/app/src"] });
    expect(await other.ready()).toMatchObject({ members: 2, targets: 2, synced: 2 });
    for (const pod of others) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n", "g.txt": "file: g\n" });
    await stage.save(kinsync, "f.txt", "three\n", own);
    for (const pod of own) expect(await stage.look(pod)).toEqual({ "f.txt": "file: three\n" });
  },
);

situation(
  "a Deployment that is scaled up, down, to nothing and up again: each pod that comes is caught up",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(deployment("web", 1, podSpec(container(world.image))));
    const first = await stage.running(1, WEB);
    await project.writeAll({ "src/f.txt": "one\n", "src/lib/a.txt": "a\n" });
    const kinsync = stage.up("deploy/web");
    await kinsync.ready();
    await stage.truth("deploy/web", states(first, "current"));
    await kubectl.run(["scale", "deployment/web", "--replicas", "3"]);
    const three = await stage.running(3, WEB);
    await stage.same(three);
    await stage.save(kinsync, "f.txt", "two\n", three);
    await stage.truth("deploy/web", states(three, "current"));
    await kubectl.run(["scale", "deployment/web", "--replicas", "1"]);
    const left = await stage.running(1, WEB);
    await stage.save(kinsync, "f.txt", "three\n", left);

    await kubectl.run(["scale", "deployment/web", "--replicas", "0"]);
    await kinsync.until(
      "there is nothing to write to",
      ({ event, reason }) => event === "note" && /scaled to 0/.test(reason ?? ""),
    );
    await stage.until("no pod is left", async () => (await kubectl.pods(WEB)).length === 0);
    await stage.truth("deploy/web", {});
    await project.write("src/f.txt", "four\n");
    await kubectl.run(["scale", "deployment/web", "--replicas", "2"]);
    const two = await stage.running(2, WEB);
    await stage.same(two);
    await stage.truth("deploy/web", states(two, "current"));
    await stage.save(kinsync, "f.txt", "five\n", two);
  },
);

situation(
  "a Deployment of no pods: sync says so and ends with 4; up waits and serves the first one",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(deployment("web", 0, podSpec(container(world.image))));
    await project.write("src/f.txt", "one\n");
    const once = await stage.sync("deploy/web", { args: ["--wait", "2s"] });
    expect(once.end.code).toBe(4);
    const kinsync = stage.up("deploy/web");
    expect(await kinsync.ready()).toMatchObject({ members: 0, targets: 0, synced: 0 });
    await stage.truth("deploy/web", {});
    await kubectl.run(["scale", "deployment/web", "--replicas", "1"]);
    const pods = await stage.running(1, WEB);
    await stage.same(pods);
    await stage.truth("deploy/web", states(pods, "current"));
  },
);
