import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

function patch(path: string, format: string, body: unknown): ReturnType<TestApi["call"]> {
  return api.call("PATCH", path, { body, headers: { "Content-Type": `application/${format}` } });
}

describe("discovery", () => {
  test("lists groups, resources and subresources", async () => {
    expect((await api.call("GET", "/version")).body).toMatchObject({ major: "1", minor: "34" });
    expect((await api.call("GET", "/api")).body).toMatchObject({ versions: ["v1"] });
    const groups = (await api.call("GET", "/apis")).body["groups"] as { name: string }[];
    expect(groups.map(({ name }) => name)).toContain("jobset.x-k8s.io");
    const apps = (await api.call("GET", "/apis/apps/v1")).body["resources"] as { name: string; kind: string }[];
    expect(apps).toContainEqual(expect.objectContaining({ name: "deployments/scale", kind: "Scale" }));
    expect((await api.call("GET", "/apis/nothing/v1")).code).toBe(404);
  });

  test("is one aggregated document for clients that accept it", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const answer = await api.call("GET", "/apis", { headers: { Accept: accept } });
    expect(answer.body).toMatchObject({ kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2" });
    expect(answer.headers["content-type"]).toContain("as=APIGroupDiscoveryList");
  });

  test("lists a custom resource as soon as it is defined", async () => {
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
