import { describe, expect, test } from "vitest";
import { defineKind, type KubeObject, type ResourceType } from "../../../src/contract/index.ts";
import { findWorkload } from "../../../src/resolve/find/find-workload.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import {
  ALL,
  DEPLOYMENTS,
  JOBS,
  NAMESPACES,
  object,
  pod,
  REPLICASETS,
  SERVICES,
  STATEFULSETS,
  teamKind,
  TEAMS,
} from "../../support/objects.ts";

const { signal } = new AbortController();

const resource = (group: string, kind: string, plural: string): ResourceType => ({
  group,
  version: "v1",
  kind,
  plural,
});

const PODLESS: readonly (readonly [string, ResourceType])[] = [
  ["a Namespace contains pods but does not own them", NAMESPACES],
  ["a Node runs pods but does not own them", { ...resource("", "Node", "nodes"), namespaced: false }],
  ["a Service selects pods but does not own them", SERVICES],
  ["a ConfigMap owns no pods", resource("", "ConfigMap", "configmaps")],
  ["a Secret owns no pods", resource("", "Secret", "secrets")],
  ["a ServiceAccount owns no pods", resource("", "ServiceAccount", "serviceaccounts")],
  ["a PersistentVolumeClaim owns no pods", resource("", "PersistentVolumeClaim", "persistentvolumeclaims")],
  ["an Endpoints owns no pods", resource("", "Endpoints", "endpoints")],
  ["a ControllerRevision owns no pods", resource("apps", "ControllerRevision", "controllerrevisions")],
  ["an EndpointSlice owns no pods", resource("discovery.k8s.io", "EndpointSlice", "endpointslices")],
  ["an Ingress owns no pods", resource("networking.k8s.io", "Ingress", "ingresses")],
  ["a Role owns no pods", resource("rbac.authorization.k8s.io", "Role", "roles")],
  ["a RoleBinding owns no pods", resource("rbac.authorization.k8s.io", "RoleBinding", "rolebindings")],
  [
    "a HorizontalPodAutoscaler scales a workload but does not own its pods",
    resource("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  ],
];

test.each(PODLESS)("%s: it is refused as a workload", async (relation, podless) => {
  const cluster = new FakeCluster([...ALL.filter((one) => one !== NAMESPACES), podless]);
  cluster.put(object(podless, "web"));
  const word = podless.kind.toLowerCase();
  await expect(findWorkload(cluster, [teamKind()], `${word}/web`, { signal })).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_OWNS_NO_PODS",
    message: `${word}/web is not a workload: ${relation}`,
    hint: "Name the workload that owns the pods, such as deployment/NAME.",
  });
});

test.each([DEPLOYMENTS, REPLICASETS, STATEFULSETS, JOBS, TEAMS])(
  "a $kind is a workload without a loaded kind",
  async (one) => {
    const cluster = new FakeCluster(ALL);
    cluster.put(object(one, "web"));
    expect((await findWorkload(cluster, [], `${one.kind.toLowerCase()}/web`, { signal })).root.kind).toBe(one.kind);
  },
);

test("a kind plugin for Services makes a Service a workload", async () => {
  const cluster = new FakeCluster([...ALL, SERVICES]);
  cluster.put(object(SERVICES, "web"));
  const kind = defineKind({ ...teamKind(), name: "service", root: SERVICES });
  expect((await findWorkload(cluster, [kind], "svc/web", { signal })).kind).toBe(kind);
});

describe("the hint for a Service", () => {
  const labels = { app: "web" };

  function setup(...objects: readonly KubeObject[]): FakeCluster {
    const cluster = new FakeCluster([...ALL, SERVICES]);
    cluster.put(object(SERVICES, "web", { spec: { selector: labels } }), ...objects);
    return cluster;
  }

  async function hintFor(cluster: FakeCluster): Promise<unknown> {
    const answer = await Promise.allSettled([findWorkload(cluster, [], "svc/web", { signal })]);
    return (answer[0] as PromiseRejectedResult).reason.hint as unknown;
  }

  test("names the Deployment behind the ReplicaSets of its pods", async () => {
    const deployment = object(DEPLOYMENTS, "web");
    const sets = ["web-1", "web-2"].map((name) => object(REPLICASETS, name, { owner: deployment }));
    const pods = sets.flatMap((owner) => [1, 2].map((n) => pod(`${owner.metadata.name}-${n}`, { owner, labels })));
    const cluster = setup(deployment, ...sets, ...pods, pod("other", { owner: object(STATEFULSETS, "db") }));
    expect(await hintFor(cluster)).toBe("Its pods belong to deployment/web. Name that instead.");
  });

  test("names each workload of its pods, also a pod on its own", async () => {
    const owners = [
      object(STATEFULSETS, "db"),
      object(REPLICASETS, "plain"),
      object(JOBS, "train-head", { owner: object(TEAMS, "train") }),
    ];
    const pods = owners.map((owner) => pod(`${owner.metadata.name}-0`, { owner, labels }));
    expect(await hintFor(setup(...owners, ...pods, pod("alone", { labels })))).toBe(
      "Its pods belong to pod/alone, replicaset/plain, statefulset/db, team/train. Name one of them instead.",
    );
  });

  test.each([
    [
      "its pods cannot be listed",
      (cluster: FakeCluster) => cluster.setFailure(resource("", "Pod", "pods"), "forbidden"),
    ],
    ["the Service cannot be read", (cluster: FakeCluster) => cluster.setFailure(SERVICES, "busy")],
    ["it selects no pods", (cluster: FakeCluster) => cluster.delete(pod("web-0"))],
    ["it has no selector", (cluster: FakeCluster) => cluster.put(object(SERVICES, "web"))],
  ])("is the general one when %s", async (_, change) => {
    const cluster = setup(pod("web-0", { labels }));
    change(cluster);
    expect(await hintFor(cluster)).toMatch(/^Name the workload that owns the pods/);
  });

  test("names the ReplicaSet when ReplicaSets cannot be read", async () => {
    const owner = object(REPLICASETS, "web-1", { owner: object(DEPLOYMENTS, "web") });
    const cluster = setup(owner, pod("web-1-a", { owner, labels }));
    cluster.setFailure(REPLICASETS, "forbidden");
    expect(await hintFor(cluster)).toBe("Its pods belong to replicaset/web-1. Name that instead.");
  });

  test("ends with its signal", async () => {
    const cluster = setup(pod("web-0", { labels }));
    cluster.setFailure(SERVICES, "silent");
    const controller = new AbortController();
    const answer = Promise.allSettled([findWorkload(cluster, [], "svc/web", { signal: controller.signal })]);
    await cluster.nextRequest(({ path }) => path.endsWith("/services/web"));
    controller.abort(new Error("enough"));
    expect((await answer)[0]).toMatchObject({ reason: { message: "enough" } });
  });
});
