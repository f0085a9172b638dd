import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";
import { deployment } from "../support/deployment.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

describe("objects", () => {
  test("are created, read, replaced and deleted", async () => {
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
    ["invalid JSON", "{", 400, "BadRequest"],
  ])("%s is refused", async (_what, body, code, reason) => {
    expect(await api.call("POST", MAPS, { body })).toMatchObject({ code, body: { reason, code } });
  });

  test("invalid protobuf, and clients that accept protobuf only, are refused", async () => {
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

  test("status changes through its subresource only", async () => {
    await api.call("POST", DEPLOYMENTS, { body: { ...deployment("web"), status: { replicas: 9 } } });
    expect((await api.call("GET", `${DEPLOYMENTS}/web`)).body["status"]).toBeUndefined();
    await api.patch(`${DEPLOYMENTS}/web/status`, "merge-patch+json", {
      status: { replicas: 2 },
      spec: { replicas: 7 },
    });
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
    await api.patch(`${DEPLOYMENTS}/web/scale`, "merge-patch+json", { spec: { replicas: 5 } });
    expect((await api.call("GET", `${DEPLOYMENTS}/web`)).body["spec"]).toMatchObject({ replicas: 5 });
    expect(await api.patch(`${DEPLOYMENTS}/web/scale`, "merge-patch+json", { spec: { replicas: -1 } })).toMatchObject({
      code: 422,
    });
  });
});

describe("deletion", () => {
  const JOBS = "/apis/batch/v1/namespaces/default/jobs";
  const job = {
    metadata: { name: "j" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "app", image: "app:1" }] } } },
  };

  test("of a Job without a policy keeps its pods, with a warning", async () => {
    await api.call("POST", JOBS, { body: job });
    const kept = await api.call("DELETE", `${JOBS}/j`);
    expect(kept.headers["warning"]).toContain("child pods are preserved by default");
    expect(kept.body).toMatchObject({ kind: "Job", metadata: { finalizers: ["orphan"] } });
  });

  test("in the foreground returns the object that waits", async () => {
    await api.call("POST", JOBS, { body: job });
    const answer = await api.call("DELETE", `${JOBS}/j`, { body: { propagationPolicy: "Foreground" } });
    expect(answer.body).toMatchObject({ metadata: { finalizers: ["foregroundDeletion"] } });
  });

  test("with another uid as precondition is a conflict", async () => {
    await api.call("POST", JOBS, { body: job });
    const body = { preconditions: { uid: "other" } };
    expect(await api.call("DELETE", `${JOBS}/j`, { body })).toMatchObject({ code: 409, body: { reason: "Conflict" } });
  });

  test("of a running pod respects its grace period", async () => {
    api.runningPod("app");
    const answer = await api.call("DELETE", "/api/v1/namespaces/default/pods/app", { body: { gracePeriodSeconds: 7 } });
    expect(answer.body).toMatchObject({ kind: "Pod", metadata: { deletionGracePeriodSeconds: 7 } });
    const eviction = "/api/v1/namespaces/default/pods/app/eviction";
    expect((await api.call("POST", eviction, { body: { deleteOptions: { gracePeriodSeconds: 0 } } })).code).toBe(201);
    expect((await api.call("GET", "/api/v1/namespaces/default/pods/app")).code).toBe(404);
  });
});
