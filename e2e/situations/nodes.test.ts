import { expect } from "vitest";
import { SPARE_TAINT } from "../harness/labels.ts";
import { container, deployment, jobSet, ofJobSet, podSpec, replicatedJob, ROLE_LABEL } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { isOneOf, states } from "../harness/pods.ts";

situation("pods of a Deployment on two nodes: each gets each save", { needs: ["nodes:2"] }, async (stage) => {
  const { kubectl, project, world } = stage;
  await stage.create(deployment("web", 4, podSpec(container(world.image), spread({ app: "web" }))));
  const pods = await stage.running(4);
  expect(nodesOf(pods).size).toBe(2);
  await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n" });
  const kinsync = stage.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 4, targets: 4, synced: 4 });
  await stage.same(pods);
  await stage.truth("deploy/web", states(pods, "current"));
  await stage.save(kinsync, "f.txt", "two\n", pods);

  // What comes later is served wherever it comes to be.
  const [gone] = pods;
  await kubectl.delete(`pod/${gone?.metadata.name}`, "--grace-period=1");
  const after = await stage.until("four pods run, one of them new", async () => {
    const all = await stage.running(4);
    return all.filter(isOneOf(pods)).length === 3 && all;
  });
  await stage.same(after);
  await stage.truth("deploy/web", states(after, "current"));
  await stage.save(kinsync, "f.txt", "three\n", after);
});

situation(
  "a JobSet whose workers are on two nodes: head and workers get each save, also after it was suspended",
  { needs: ["jobset", "nodes:2"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const spec = podSpec(container(world.image), spread({ [ROLE_LABEL]: "worker" }));
    await stage.create(
      jobSet("train", [
        replicatedJob("head", 1, podSpec(container(world.image))),
        { ...replicatedJob("worker", 2, spec), replicas: 2 },
      ]),
    );
    const pods = await stage.running(5, ofJobSet("train"));
    expect(nodesOf(pods).size).toBe(2);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 5, synced: 5 });
    await stage.same(pods);
    await stage.truth("jobset/train", states(pods, "current"));

    await kubectl.patch("jobset/train", { spec: { suspend: true } });
    await stage.until("no pod is left", async () => (await kubectl.pods(ofJobSet("train"))).length === 0);
    await stage.truth("jobset/train", {});
    await project.write("src/f.txt", "two\n");
    await kubectl.patch("jobset/train", { spec: { suspend: false } });
    const fresh = await stage.running(5, ofJobSet("train"));
    expect(nodesOf(fresh).size).toBe(2);
    await stage.same(fresh);
    await stage.truth("jobset/train", states(fresh, "current"));
    await stage.save(kinsync, "f.txt", "three\n", fresh);
  },
);

/** As many of these pods on the one node as on the other, give or take one. */
function spread(matchLabels: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return {
    tolerations: [{ key: SPARE_TAINT, operator: "Exists" }],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels },
      },
    ],
  };
}

function nodesOf(pods: readonly Pod[]): ReadonlySet<unknown> {
  return new Set(pods.map(({ spec }) => spec?.["nodeName"]));
}
