import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";
import { deployment } from "../support/deployment.ts";

const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
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
    const answer = await api.patch(`${DEPLOYMENTS}/web`, "strategic-merge-patch+json", change);
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
    expect(containers(await api.patch(`${DEPLOYMENTS}/web`, "strategic-merge-patch+json", gone))).toHaveLength(1);
  });

  test("merge patch replaces lists and removes nulls", async () => {
    const change = template({ containers: [{ name: "other", image: "other:1" }] });
    const answer = await api.patch(`${DEPLOYMENTS}/web`, "merge-patch+json", change);
    expect(containers(answer).map(({ name }) => name)).toEqual(["other"]);
    await api.patch(`${DEPLOYMENTS}/web`, "merge-patch+json", { metadata: { labels: { a: "b" } } });
    const less = await api.patch(`${DEPLOYMENTS}/web`, "merge-patch+json", { metadata: { labels: { a: null } } });
    expect((less.body["metadata"] as { labels?: object }).labels).toEqual({});
  });

  test("JSON patch applies its operations, and fails with a failed test", async () => {
    const image = "/spec/template/spec/containers/0/image";
    const answer = await api.patch(`${DEPLOYMENTS}/web`, "json-patch+json", [
      { op: "test", path: image, value: "app:1" },
      { op: "replace", path: image, value: "app:2" },
      { op: "add", path: "/metadata/annotations", value: { "a/b": "1" } },
      { op: "copy", from: "/metadata/annotations/a~1b", path: "/metadata/annotations/c" },
      { op: "remove", path: "/metadata/annotations/a~1b" },
    ]);
    expect(containers(answer)[0]?.image).toBe("app:2");
    expect((answer.body["metadata"] as { annotations: object }).annotations).toEqual({ c: "1" });
    const wrong = [{ op: "test", path: image, value: "app:1" }];
    expect((await api.patch(`${DEPLOYMENTS}/web`, "json-patch+json", wrong)).code).toBe(422);
    expect((await api.patch(`${DEPLOYMENTS}/web`, "json-patch+json", [{ op: "remove", path: "/no" }])).code).toBe(422);
  });

  test("server-side apply creates a missing object", async () => {
    const body = { ...deployment("new") };
    expect((await api.patch(`${DEPLOYMENTS}/new?fieldManager=me`, "apply-patch+yaml", body)).code).toBe(201);
    expect((await api.patch(`${DEPLOYMENTS}/new?fieldManager=me`, "apply-patch+yaml", body)).code).toBe(200);
  });

  test("an old resourceVersion in the patch is a conflict", async () => {
    const change = { metadata: { resourceVersion: "1", labels: { a: "b" } } };
    expect(await api.patch(`${DEPLOYMENTS}/web`, "merge-patch+json", change)).toMatchObject({ code: 409 });
  });
});
