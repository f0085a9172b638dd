import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { KindPlugin } from "../../../src/contract/index.ts";
import {
  checkWorkload,
  findResource,
  findWorkload,
  kindOf,
  parseWorkloadName,
} from "../../../src/resolve/find/find-workload.ts";
import { lazyKind } from "../../../src/plugins/host.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import {
  ALL,
  DEPLOYMENTS,
  JOBS,
  NAMESPACE,
  NAMESPACES,
  object,
  SQUADS,
  teamKind,
  TEAMS,
} from "../../support/objects.ts";

const { signal } = new AbortController();

function cluster(): FakeCluster {
  const fake = new FakeCluster(ALL);
  fake.put(object(NAMESPACES, "ml"), object(NAMESPACES, "web"), object(TEAMS, "train"), object(TEAMS, "serve"));
  return fake;
}

test.each([
  ["jobset/train", "jobset", "train"],
  ["deploy web", "deploy", "web"],
  ["  sts / db ", "sts", "db"],
  ["JobSet.jobset.x-k8s.io/train", "JobSet.jobset.x-k8s.io", "train"],
])("%s names a workload", (text, kind, name) => {
  expect(parseWorkloadName(text)).toEqual({ kind, name });
});

test.each(["", "train", "jobset/", "/train", "a/b/c", "jobset/../pods", "jobset/UP", "jobset/a?b"])(
  "%j does not name a workload",
  (text) => {
    expect(() => parseWorkloadName(text)).toThrowError(expect.objectContaining({ code: "KINSYNC_USAGE" }) as Error);
  },
);

test.each([
  "team",
  "teams",
  "Team",
  "tm",
  "team.example.com",
  "teams.v1alpha1.example.com",
  "Team.v1alpha1.example.com",
])("a loaded kind is found as %s without a round trip", async (word) => {
  const fake = cluster();
  expect(await findResource(fake, [teamKind()], word, signal)).toEqual(TEAMS);
  expect(fake.requests).toEqual([]);
});

test("the word for pods needs no loaded kind", async () => {
  const fake = cluster();
  expect((await findResource(fake, [], "po", signal)).plural).toBe("pods");
  expect(fake.requests).toEqual([]);
});

describe.each([true, false])("with aggregated discovery: %s", (aggregated) => {
  test.each(["team", "teams", "Team", "tm", "team.example.com", "teams.v1alpha1.example.com"])(
    "a kind without a plugin is found as %s",
    async (word) => {
      const fake = cluster();
      fake.aggregated = aggregated;
      expect(await findResource(fake, [], word, signal)).toMatchObject({ group: "example.com", plural: "teams" });
    },
  );

  test("a kind that the cluster does not serve is an error with the nearest kind", async () => {
    const fake = cluster();
    fake.aggregated = aggregated;
    await expect(findResource(fake, [], "deployement", signal)).rejects.toMatchObject({
      code: "KINSYNC_RESOLVE_KIND",
      hint: expect.stringContaining("deployment") as string,
    });
  });

  test("a word for kinds of two groups is ambiguous", async () => {
    const fake = cluster();
    fake.aggregated = aggregated;
    fake.serve({ group: "sports.example.org", version: "v1", kind: "Team", plural: "teams" });
    await expect(findResource(fake, [], "team", signal)).rejects.toMatchObject({
      code: "KINSYNC_RESOLVE_AMBIGUOUS",
      message: '"team" may be any of team.example.com, team.sports.example.org',
    });
    expect((await findResource(fake, [], "team.sports.example.org", signal)).group).toBe("sports.example.org");
  });

  test("Kubernetes' own kind wins over a CRD with its name, as in kubectl", async () => {
    const fake = cluster();
    fake.aggregated = aggregated;
    fake.serve({ group: "batch.volcano.sh", version: "v1alpha1", kind: "Job", plural: "jobs" });
    expect(await findResource(fake, [], "job", signal)).toMatchObject({ group: "batch" });
    expect(await findResource(fake, [], "job.batch.volcano.sh", signal)).toMatchObject({ group: "batch.volcano.sh" });
  });
});

test.each(["busy", "unreachable", "silent"] as const)(
  "an API group that is %s is named when a kind is not found, and does not hide kinds of other groups",
  async (how) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const fake = cluster();
    fake.aggregated = false;
    fake.setDiscoveryFailure(SQUADS.group, how);
    const answers = Promise.allSettled(["team", "squad"].map((word) => findResource(fake, [], word, signal)));
    await vi.advanceTimersByTimeAsync(30_000);
    const refusal = how === "unreachable" ? /ECONNREFUSED/ : /Cannot discover squads\.example\.com/;
    expect(await answers).toEqual([
      { status: "fulfilled", value: expect.objectContaining({ plural: "teams" }) as unknown },
      {
        status: "rejected",
        reason: expect.objectContaining({
          code: "KINSYNC_RESOLVE_KIND",
          message: expect.stringMatching(refusal) as string,
        }) as unknown,
      },
    ]);
  },
);

test("an API server that does not answer within the time limit is unreachable", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const fake = cluster();
  fake.setFailure(TEAMS, "silent");
  const answer = Promise.allSettled([findWorkload(fake, [teamKind()], "team/train", { signal })]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect((await answer)[0]).toMatchObject({
    reason: {
      code: "KINSYNC_CLUSTER_UNREACHABLE",
      message: "Cannot get team/train in namespace ml: no answer in time",
    },
  });
});

test("a word of two loaded kinds is the kind that the cluster serves", async () => {
  const volcano: KindPlugin = {
    ...teamKind(),
    name: "vcteam",
    root: { group: "batch.volcano.sh", version: "v1", kind: "Team", plural: "teams" },
  };
  expect(await findResource(cluster(), [teamKind(), volcano], "team", signal)).toEqual(TEAMS);
});

test.each(["job", "jobs", "Job", "job.batch", "jobs.v1.batch"])(
  "of two kinds with one name, %s is that of Kubernetes, without a round trip",
  async (word) => {
    const native: KindPlugin = { ...teamKind(), name: "job", root: JOBS };
    const root = { group: "batch.volcano.sh", version: "v1alpha1", kind: "Job", plural: "jobs", shortNames: ["vcjob"] };
    const kinds = [{ ...teamKind(), name: "volcano-job", root }, native];
    const fake = cluster();
    expect(await findResource(fake, kinds, word, signal)).toEqual(JOBS);
    expect(await findResource(fake, kinds, "vcjob", signal)).toEqual(root);
    expect(await findResource(fake, kinds, "job.batch.volcano.sh", signal)).toEqual(root);
    expect(fake.requests).toEqual([]);
  },
);

test("a kind that has the name of a resource of Kubernetes is not what that name means", async () => {
  const root = {
    group: "serving.knative.dev",
    version: "v1",
    kind: "Service",
    plural: "services",
    shortNames: ["ksvc"],
  };
  const kinds: readonly KindPlugin[] = [{ ...teamKind(), name: "knative-service", root }];
  const fake = cluster();
  fake.serve({ group: "", version: "v1", kind: "Service", plural: "services" });
  fake.serve(root);
  expect(await findResource(fake, kinds, "service", signal)).toMatchObject({ group: "" });
  expect(await findResource(fake, kinds, "ksvc", signal)).toEqual(root);
  expect(await findResource(fake, kinds, "service.serving.knative.dev", signal)).toEqual(root);
});

test("the code of a lazy kind is imported when a workload of it is found", async () => {
  const { root, name } = teamKind();
  const lazy = lazyKind({ name, root, load: () => Promise.resolve(teamKind()) });
  expect(await findResource(cluster(), [lazy], "tm", signal)).toEqual(root);
  expect(lazy.loaded).toBeUndefined();
  const found = await findWorkload(cluster(), [lazy], "tm/train", { signal });
  expect(found.kind).toBe(lazy.loaded);
});

test("a kind is chosen by group and kind", () => {
  const kind = teamKind();
  expect(kindOf([kind], { ...TEAMS, version: "v2" })).toBe(kind);
  expect(kindOf([kind], JOBS)).toBeUndefined();
});

test("an existing workload is found in one round trip", async () => {
  const fake = cluster();
  const found = await findWorkload(fake, [teamKind()], "tm/train", { signal });
  expect(found.ref).toEqual({ resource: TEAMS, namespace: "ml", name: "train" });
  expect(found.kind?.name).toBe("team");
  expect(found.root.metadata.uid).toBe("uid-train");
  expect(fake.requests).toHaveLength(1);
});

test("a missing name is an error with the nearest name", async () => {
  await expect(findWorkload(cluster(), [teamKind()], "team/trian", { signal })).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_WORKLOAD",
    message: "there is no team/trian in namespace ml",
    hint: "Did you mean team/train?",
  });
});

test("a name in another namespace is an error with that namespace", async () => {
  const fake = cluster();
  await expect(findWorkload(fake, [teamKind()], "team/train", { namespace: "web", signal })).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_WORKLOAD",
    hint: "There is one in namespace ml: add -n ml, or `namespace: ml` in a config.",
  });
});

test("a missing namespace is an error with the nearest namespace", async () => {
  const fake = cluster();
  await expect(findWorkload(fake, [teamKind()], "team/train", { namespace: "mll", signal })).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_NAMESPACE",
    message: "there is no namespace mll",
    hint: "Did you mean ml?",
  });
});

test("the error is about the name where namespaces may not be read", async () => {
  const fake = cluster();
  fake.setFailure(NAMESPACES, "forbidden");
  await expect(findWorkload(fake, [teamKind()], "team/x", { namespace: "mll", signal })).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_WORKLOAD",
  });
});

test("a loaded kind whose CRD is not installed is an error", async () => {
  const fake = new FakeCluster([DEPLOYMENTS, NAMESPACES]);
  const ref = { resource: TEAMS, namespace: NAMESPACE, name: "train" };
  await expect(checkWorkload(fake, ref, signal)).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_KIND",
    message: "the cluster has no Team (teams.example.com, v1alpha1): its CRD is not installed",
  });
});

test("a CRD in another version is an error with that version", async () => {
  const fake = new FakeCluster([{ ...TEAMS, version: "v1" }]);
  const ref = { resource: TEAMS, namespace: NAMESPACE, name: "train" };
  await expect(checkWorkload(fake, ref, signal)).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_KIND",
    message: expect.stringContaining("it serves v1") as string,
  });
});

test("a forbidden workload is an error of the cluster", async () => {
  const fake = cluster();
  fake.setFailure(TEAMS, "forbidden");
  await expect(findWorkload(fake, [teamKind()], "team/train", { signal })).rejects.toMatchObject({
    code: "KINSYNC_CLUSTER_FORBIDDEN",
  });
});

test("a lookup ends with its signal", async () => {
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await expect(findResource(cluster(), [], "team", controller.signal)).rejects.toThrow("enough");
});
