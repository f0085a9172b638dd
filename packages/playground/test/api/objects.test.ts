import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

function deployment(name: string): Record<string, unknown> {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "app", image: "app:1", env: [{ name: "A", value: "1" }] }] },
      },
    },
  };
}

function patch(path: string, format: string, body: unknown): ReturnType<TestApi["call"]> {
  return api.call("PATCH", path, { body, headers: { "Content-Type": `application/${format}` } });
}

describe("who may ask", () => {
  test.each([
    ["no token", 401, { token: "" }],
    ["another token", 401, { token: "wrong" }],
    ["a web page's origin", 403, { headers: { Origin: "https://example.org" } }],
    ["another host name", 403, { headers: { Host: "example.org" } }],
  ])("%s: refused", async (_who, code, options) => {
    const answer = await api.call("GET", MAPS, options);
    expect(answer.code).toBe(code);
    expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", code });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("health needs no token", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      expect(await api.call("GET", path, { token: "" })).toMatchObject({ code: 200, text: "ok" });
    }
  });
});

describe("discovery", () => {
  test("tells groups, resources and subresources", async () => {
    expect((await api.call("GET", "/version")).body).toMatchObject({ major: "1", minor: "34" });
    expect((await api.call("GET", "/api")).body).toMatchObject({ versions: ["v1"] });
    const groups = (await api.call("GET", "/apis")).body["groups"] as { name: string }[];
    expect(groups.map(({ name }) => name)).toContain("jobset.x-k8s.io");
    const apps = (await api.call("GET", "/apis/apps/v1")).body["resources"] as { name: string; kind: string }[];
    expect(apps).toContainEqual(expect.objectContaining({ name: "deployments/scale", kind: "Scale" }));
    expect((await api.call("GET", "/apis/nothing/v1")).code).toBe(404);
  });

  test("comes in one piece for clients that ask for it", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const answer = await api.call("GET", "/apis", { headers: { Accept: accept } });
    expect(answer.body).toMatchObject({ kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2" });
    expect(answer.headers["content-type"]).toContain("as=APIGroupDiscoveryList");
  });

  test("knows a custom resource as soon as it is defined", async () => {
    const definition = {
      metadata: { name: "trains.example.org" },
      spec: {
        group: "example.org",
        scope: "Namespaced",
        names: { plural: "trains", kind: "Train" },
        versions: [
          { name: "v1", served: true, storage: true },
          { name: "v1beta1", served: true, storage: false },
        ],
      },
    };
    const trains = "/apis/example.org/v1/namespaces/default/trains";
    expect((await api.call("GET", trains)).code).toBe(404);
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const made = await api.call("POST", path, { body: definition });
    expect(made.body["status"]).toMatchObject({
      conditions: expect.arrayContaining([expect.objectContaining({ type: "Established", status: "True" })]),
    });
    const body = { apiVersion: "example.org/v1", kind: "Train", metadata: { name: "t" }, spec: { cars: 2 } };
    expect((await api.call("POST", trains, { body })).code).toBe(201);
    const older = await api.call("GET", "/apis/example.org/v1beta1/namespaces/default/trains/t");
    expect(older.body).toMatchObject({ apiVersion: "example.org/v1beta1", spec: { cars: 2 } });
    expect((await patch(`${trains}/t`, "strategic-merge-patch+json", {})).code).toBe(415);
    expect((await patch(`${trains}/t`, "merge-patch+json", { spec: { cars: 3 } })).body["spec"]).toEqual({ cars: 3 });
  });
});

describe("objects", () => {
  test("are made, read, replaced and deleted", async () => {
    const made = await api.call("POST", MAPS, { body: { metadata: { name: "a" }, data: { x: "1" } } });
    expect(made).toMatchObject({ code: 201, body: { kind: "ConfigMap", data: { x: "1" } } });
    expect((await api.call("GET", `${MAPS}/a`)).body).toEqual(made.body);
    const next = { ...made.body, data: { x: "2" } };
    expect(await api.call("PUT", `${MAPS}/a`, { body: next })).toMatchObject({ code: 200, body: { data: { x: "2" } } });
    expect(await api.call("PUT", `${MAPS}/a`, { body: next })).toMatchObject({
      code: 409,
      body: { reason: "Conflict", details: { name: "a", kind: "configmaps" } },
    });
    expect(await api.call("DELETE", `${MAPS}/a`)).toMatchObject({ code: 200, body: { status: "Success" } });
    expect(await api.call("GET", `${MAPS}/a`)).toMatchObject({
      code: 404,
      body: { reason: "NotFound", message: 'configmaps "a" not found', details: { name: "a", kind: "configmaps" } },
    });
  });

  test("can be sent as YAML", async () => {
    const answer = await api.call("POST", MAPS, {
      body: "metadata:\n  generateName: a-\n",
      headers: { "Content-Type": "application/yaml" },
    });
    expect((answer.body["metadata"] as { name: string }).name).toMatch(/^a-.{5}$/);
  });

  test.each([
    ["a bad name", { metadata: { name: "A" } }, 422, "Invalid"],
    ["a bad label", { metadata: { name: "a", labels: { "-": "x" } } }, 422, "Invalid"],
    ["another kind", { kind: "Secret", metadata: { name: "a" } }, 400, "BadRequest"],
    ["another namespace", { metadata: { name: "a", namespace: "kube-system" } }, 400, "BadRequest"],
    ["no JSON", "{", 400, "BadRequest"],
  ])("%s is refused", async (_what, body, code, reason) => {
    expect(await api.call("POST", MAPS, { body })).toMatchObject({ code, body: { reason, code } });
  });

  test("protobuf that is none, and answers in protobuf only, are refused", async () => {
    const headers = { "Content-Type": "application/vnd.kubernetes.protobuf" };
    expect(await api.call("POST", MAPS, { body: "k8s", headers })).toMatchObject({ code: 415 });
    expect(await api.call("GET", MAPS, { headers: { Accept: "application/vnd.kubernetes.protobuf" } })).toMatchObject({
      code: 406,
    });
  });

  test("a dry run changes nothing", async () => {
    const dry = await api.call("POST", `${MAPS}?dryRun=All`, { body: { metadata: { name: "a" } } });
    expect(dry.code).toBe(201);
    expect((await api.call("GET", `${MAPS}/a`)).code).toBe(404);
    await api.call("POST", MAPS, { body: { metadata: { name: "a" } } });
    await api.call("DELETE", `${MAPS}/a?dryRun=All`);
    expect((await api.call("GET", `${MAPS}/a`)).code).toBe(200);
  });

  test("a status comes from its subresource only", async () => {
    await api.call("POST", DEPLOYMENTS, { body: { ...deployment("web"), status: { replicas: 9 } } });
    expect((await api.call("GET", `${DEPLOYMENTS}/web`)).body["status"]).toBeUndefined();
    await patch(`${DEPLOYMENTS}/web/status`, "merge-patch+json", { status: { replicas: 2 }, spec: { replicas: 7 } });
    expect((await api.call("GET", `${DEPLOYMENTS}/web`)).body).toMatchObject({
      status: { replicas: 2 },
      spec: { replicas: 1 },
      metadata: { generation: 1 },
    });
  });

  test("scale reads and writes the replicas", async () => {
    await api.call("POST", DEPLOYMENTS, { body: deployment("web") });
    const scale = await api.call("GET", `${DEPLOYMENTS}/web/scale`);
    expect(scale.body).toMatchObject({ kind: "Scale", spec: { replicas: 1 }, status: { selector: "app=web" } });
    await api.call("PUT", `${DEPLOYMENTS}/web/scale`, { body: { ...scale.body, spec: { replicas: 4 } } });
    await patch(`${DEPLOYMENTS}/web/scale`, "merge-patch+json", { spec: { replicas: 5 } });
    expect((await api.call("GET", `${DEPLOYMENTS}/web`)).body["spec"]).toMatchObject({ replicas: 5 });
    expect(await patch(`${DEPLOYMENTS}/web/scale`, "merge-patch+json", { spec: { replicas: -1 } })).toMatchObject({
      code: 422,
    });
  });
});

describe("patches", () => {
  beforeEach(async () => {
    await api.call("POST", DEPLOYMENTS, { body: deployment("web") });
  });

  interface Container {
    name: string;
    image?: string;
    env?: { name: string; value: string }[];
  }

  function containers(answer: { body: Readonly<Record<string, unknown>> }): Container[] {
    return (answer.body["spec"] as { template: { spec: { containers: Container[] } } }).template.spec.containers;
  }

  function template(spec: unknown): unknown {
    return { spec: { template: { spec } } };
  }

  test("strategic merge joins containers and env by name", async () => {
    const change = template({
      containers: [
        { name: "app", env: [{ name: "B", value: "2" }] },
        { name: "side", image: "side:1" },
      ],
    });
    const answer = await patch(`${DEPLOYMENTS}/web`, "strategic-merge-patch+json", change);
    expect(containers(answer)).toMatchObject([
      {
        name: "app",
        image: "app:1",
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
      },
      { name: "side" },
    ]);
    const gone = template({ containers: [{ name: "side", $patch: "delete" }] });
    expect(containers(await patch(`${DEPLOYMENTS}/web`, "strategic-merge-patch+json", gone))).toHaveLength(1);
  });

  test("merge replaces lists, null takes away", async () => {
    const change = template({ containers: [{ name: "other", image: "other:1" }] });
    const answer = await patch(`${DEPLOYMENTS}/web`, "merge-patch+json", change);
    expect(containers(answer).map(({ name }) => name)).toEqual(["other"]);
    await patch(`${DEPLOYMENTS}/web`, "merge-patch+json", { metadata: { labels: { a: "b" } } });
    const less = await patch(`${DEPLOYMENTS}/web`, "merge-patch+json", { metadata: { labels: { a: null } } });
    expect((less.body["metadata"] as { labels?: object }).labels).toEqual({});
  });

  test("JSON patch follows its operations, and stops where a test fails", async () => {
    const image = "/spec/template/spec/containers/0/image";
    const answer = await patch(`${DEPLOYMENTS}/web`, "json-patch+json", [
      { op: "test", path: image, value: "app:1" },
      { op: "replace", path: image, value: "app:2" },
      { op: "add", path: "/metadata/annotations", value: { "a/b": "1" } },
      { op: "copy", from: "/metadata/annotations/a~1b", path: "/metadata/annotations/c" },
      { op: "remove", path: "/metadata/annotations/a~1b" },
    ]);
    expect(containers(answer)[0]?.image).toBe("app:2");
    expect((answer.body["metadata"] as { annotations: object }).annotations).toEqual({ c: "1" });
    const wrong = [{ op: "test", path: image, value: "app:1" }];
    expect((await patch(`${DEPLOYMENTS}/web`, "json-patch+json", wrong)).code).toBe(422);
    expect((await patch(`${DEPLOYMENTS}/web`, "json-patch+json", [{ op: "remove", path: "/no" }])).code).toBe(422);
  });

  test("server-side apply makes what is missing", async () => {
    const body = { ...deployment("new") };
    expect((await patch(`${DEPLOYMENTS}/new?fieldManager=me`, "apply-patch+yaml", body)).code).toBe(201);
    expect((await patch(`${DEPLOYMENTS}/new?fieldManager=me`, "apply-patch+yaml", body)).code).toBe(200);
  });

  test("an old resourceVersion in the patch is a conflict", async () => {
    const change = { metadata: { resourceVersion: "1", labels: { a: "b" } } };
    expect(await patch(`${DEPLOYMENTS}/web`, "merge-patch+json", change)).toMatchObject({ code: 409 });
  });
});

describe("lists", () => {
  beforeEach(async () => {
    for (const [index, name] of ["a", "b", "c", "d", "e"].entries()) {
      await api.call("POST", MAPS, {
        body: { metadata: { name, labels: { n: String(index), odd: String(index % 2) } } },
      });
    }
  });

  interface List {
    metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
    items: { metadata: { name: string } }[];
  }

  async function names(query: string, path = MAPS): Promise<string> {
    const { body } = await api.call("GET", `${path}?${query}`);
    return (body as unknown as List).items.map(({ metadata }) => metadata.name).join("");
  }

  test("are cut by labels and fields", async () => {
    const cases = {
      "labelSelector=odd%3D1": "bd",
      "labelSelector=odd!%3D1": "ace",
      "labelSelector=n+in+(0,2),odd": "ac",
      "labelSelector=n+notin+(0,2)": "bde",
      "labelSelector=!odd": "",
      "labelSelector=n%3E2": "de",
      "fieldSelector=metadata.name%3Dc": "c",
      "fieldSelector=metadata.name!%3Dc,metadata.namespace%3Ddefault": "abde",
    };
    const found: Record<string, string> = {};
    for (const query of Object.keys(cases)) {
      found[query] = await names(query);
    }
    expect(found).toEqual(cases);
    expect(await api.call("GET", `${MAPS}?fieldSelector=data%3Dx`)).toMatchObject({
      code: 400,
      body: { message: "field label not supported: data" },
    });
    expect((await api.call("GET", `${MAPS}?labelSelector=a%3D%3D%3D`)).code).toBe(400);
  });

  test("pages show the state of the first page, whatever happens between", async () => {
    const first = (await api.call("GET", `${MAPS}?limit=2`)).body as unknown as List;
    expect(first.metadata.remainingItemCount).toBe(3);
    await api.call("DELETE", `${MAPS}/d`);
    await api.call("POST", MAPS, { body: { metadata: { name: "cc" } } });
    const token = encodeURIComponent(first.metadata.continue ?? "");
    const rest = (await api.call("GET", `${MAPS}?limit=10&continue=${token}`)).body as unknown as List;
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(["c", "d", "e"]);
    expect(rest.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });
    api.faults.expireResourceVersions();
    expect(await api.call("GET", `${MAPS}?limit=10&continue=${token}`)).toMatchObject({
      code: 410,
      body: { reason: "Expired" },
    });
  });

  test("come as tables and as metadata", async () => {
    const table = await api.call("GET", MAPS, {
      headers: { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" },
    });
    expect(table.body).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    expect((table.body["rows"] as { cells: unknown[] }[])[0]?.cells.slice(0, 2)).toEqual(["a", 0]);
    const bare = await api.call("GET", MAPS, {
      headers: { Accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" },
    });
    expect(bare.body).toMatchObject({ kind: "PartialObjectMetadataList" });
    expect(Object.keys((bare.body["items"] as object[])[0] ?? {})).toEqual(["kind", "apiVersion", "metadata"]);
  });

  test("are deleted by a selector", async () => {
    await api.call("DELETE", `${MAPS}?labelSelector=odd%3D0`);
    expect(await names("")).toBe("bd");
  });
});

describe("deletion", () => {
  const JOBS = "/apis/batch/v1/namespaces/default/jobs";
  const job = {
    metadata: { name: "j" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "app", image: "app:1" }] } } },
  };

  test("of a Job keeps its pods, with a warning, unless it is told how", async () => {
    await api.call("POST", JOBS, { body: job });
    const kept = await api.call("DELETE", `${JOBS}/j`);
    expect(kept.headers["warning"]).toContain("child pods are preserved by default");
    expect(kept.body).toMatchObject({ kind: "Job", metadata: { finalizers: ["orphan"] } });
  });

  test("in the foreground answers with the object that waits", async () => {
    await api.call("POST", JOBS, { body: job });
    const answer = await api.call("DELETE", `${JOBS}/j`, { body: { propagationPolicy: "Foreground" } });
    expect(answer.body).toMatchObject({ metadata: { finalizers: ["foregroundDeletion"] } });
  });

  test("of another uid than the one meant is a conflict", async () => {
    await api.call("POST", JOBS, { body: job });
    const body = { preconditions: { uid: "other" } };
    expect(await api.call("DELETE", `${JOBS}/j`, { body })).toMatchObject({ code: 409, body: { reason: "Conflict" } });
  });

  test("of a running pod gives it its time", async () => {
    api.runningPod("app");
    const answer = await api.call("DELETE", "/api/v1/namespaces/default/pods/app", { body: { gracePeriodSeconds: 7 } });
    expect(answer.body).toMatchObject({ kind: "Pod", metadata: { deletionGracePeriodSeconds: 7 } });
    const eviction = "/api/v1/namespaces/default/pods/app/eviction";
    expect((await api.call("POST", eviction, { body: { deleteOptions: { gracePeriodSeconds: 0 } } })).code).toBe(201);
    expect((await api.call("GET", "/api/v1/namespaces/default/pods/app")).code).toBe(404);
  });
});

describe("logs", () => {
  test("come as text, whole, from the end or followed", async () => {
    api.runningPod("app");
    const log = "/api/v1/namespaces/default/pods/app/log";
    expect((await api.call("GET", log)).text).toBe("one\ntwo\nthree\n");
    expect((await api.call("GET", `${log}?tailLines=1`)).text).toBe("three\n");
    expect((await api.call("GET", `${log}?follow=true`)).text).toBe("one\ntwo\nthree\n");
    expect((await api.call("GET", `${log}?container=no`)).code).toBe(400);
    expect((await api.call("GET", "/api/v1/namespaces/default/pods/no/log")).code).toBe(404);
  });
});
