import { expect } from "vitest";
import { jobSet, ofJobSet, replicatedJob, ROLE_LABEL } from "../harness/jobset-manifests.ts";
import { SPARE_TAINT } from "../harness/labels.ts";
import { container, deployment, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { isOneOf, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

situation("a Deployment on two nodes updates all its pods", { needs: ["nodes:2"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(deployment("web", 4, podSpec(container(cluster.image), spread({ app: "web" }))));
  const pods = await fixture.running(4);
  expect(nodesOf(pods).size).toBe(2);
  await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n" });
  const kinsync = fixture.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 4, targets: 4, synced: 4 });
  await fixture.untilSame(pods);
  await fixture.expectMembers("deploy/web", states(pods, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", pods);

  // A later pod is updated on whichever node it starts.
  const [deleted] = pods;
  await kubectl.delete(`pod/${deleted?.metadata.name}`, "--grace-period=1");
  const after = await fixture.until("four pods run, one of them new", async () => {
    const all = await fixture.running(4);
    return all.filter(isOneOf(pods)).length === 3 && all;
  });
  await fixture.untilSame(after);
  await fixture.expectMembers("deploy/web", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", after);
});

situation(
  "a JobSet on two nodes is updated, also after a suspension",
  { needs: ["jobset", "nodes:2"] },
  async (fixture) => {
    const { cluster, kubectl, project } = fixture;
    const spec = podSpec(container(cluster.image), spread({ [ROLE_LABEL]: "worker" }));
    await fixture.create(
      jobSet("train", [
        replicatedJob("head", 1, podSpec(container(cluster.image))),
        { ...replicatedJob("worker", 2, spec), replicas: 2 },
      ]),
    );
    const pods = await fixture.running(5, ofJobSet("train"));
    expect(nodesOf(pods).size).toBe(2);
    await project.write("src/f.txt", "one\n");
    const kinsync = fixture.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 5, synced: 5 });
    await fixture.untilSame(pods);
    await fixture.expectMembers("jobset/train", states(pods, "current"));

    await kubectl.patch("jobset/train", { spec: { suspend: true } });
    await fixture.until("no pod exists", async () => (await kubectl.pods(ofJobSet("train"))).length === 0);
    await fixture.expectMembers("jobset/train", {});
    await project.write("src/f.txt", "two\n");
    await kubectl.patch("jobset/train", { spec: { suspend: false } });
    const fresh = await fixture.running(5, ofJobSet("train"));
    expect(nodesOf(fresh).size).toBe(2);
    await fixture.untilSame(fresh);
    await fixture.expectMembers("jobset/train", states(fresh, "current"));
    await fixture.save(kinsync, "f.txt", "three\n", fresh);
  },
);

/** Spreads the pods evenly over the nodes. */
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

function nodesOf(pods: readonly Pod[]): ReadonlySet<string | undefined> {
  return new Set(pods.map(({ spec }) => spec.nodeName));
}
