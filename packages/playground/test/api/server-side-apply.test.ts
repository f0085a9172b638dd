import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const APPLY = { "Content-Type": "application/apply-patch+yaml" };

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

interface Metadata {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly managedFields?: readonly {
    readonly manager: string;
    readonly operation: string;
    readonly fieldsV1: object;
  }[];
}

function apply(data: Readonly<Record<string, string>>, { manager = "tool", query = "", metadata = {} } = {}) {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", ...metadata }, data };
  return api.call("PATCH", `${MAPS}/a?fieldManager=${manager}${query}`, { body, headers: APPLY });
}

async function read(): Promise<{ readonly data?: object; readonly metadata: Metadata }> {
  return (await api.call("GET", `${MAPS}/a`)).body as never;
}

describe("a server-side apply of a ConfigMap", () => {
  test("creates the object, and records what it manages", async () => {
    expect(await apply({ x: "1" })).toMatchObject({ code: 201, body: { data: { x: "1" } } });
    expect((await read()).metadata.managedFields).toMatchObject([
      { manager: "tool", operation: "Apply", fieldsV1: { "f:data": { ".": {}, "f:x": {} } } },
    ]);
  });

  test("removes what it applied before, and keeps what others manage", async () => {
    await api.call("POST", `${MAPS}?fieldManager=kubectl-create`, {
      body: { metadata: { name: "a" }, data: { y: "1" } },
    });
    await apply({ x: "1", y: "1" });
    await apply({});
    expect((await read()).data).toEqual({ y: "1" });
  });

  test("without a change it keeps the version", async () => {
    await apply({ x: "1" });
    const before = (await read()).metadata.resourceVersion;
    await apply({ x: "1" });
    expect((await read()).metadata.resourceVersion).toBe(before);
  });

  test("conflicts with another manager's value, with one cause for each field", async () => {
    await api.call("POST", `${MAPS}?fieldManager=kubectl-create`, {
      body: { metadata: { name: "a" }, data: { x: "1" } },
    });
    expect(await apply({ x: "2" })).toMatchObject({
      code: 409,
      body: {
        reason: "Conflict",
        message: 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .data.x',
        details: { causes: [{ reason: "FieldManagerConflict", field: ".data.x" }] },
      },
    });
    expect((await read()).data).toEqual({ x: "1" });
    expect(await apply({ x: "2" }, { query: "&force=true" })).toMatchObject({ code: 200, body: { data: { x: "2" } } });
    expect((await read()).metadata.managedFields).toMatchObject([{ manager: "tool" }]);
  });

  test("another client that changes a field manages it from then on", async () => {
    await apply({ x: "1", y: "1" });
    const headers = { "Content-Type": "application/merge-patch+json" };
    await api.call("PATCH", `${MAPS}/a?fieldManager=editor`, { body: { data: { x: "2" } }, headers });
    expect(await apply({ x: "1", y: "2" })).toMatchObject({ code: 409 });
    expect(await apply({ y: "2" })).toMatchObject({ code: 200, body: { data: { x: "2", y: "2" } } });
  });

  test("with a UID it creates nothing, and changes no other object", async () => {
    const uid = "11111111-2222-3333-4444-555555555555";
    expect(await apply({ x: "1" }, { metadata: { uid } })).toMatchObject({ code: 409 });
    await apply({ x: "1" });
    expect(await apply({ x: "2" }, { metadata: { uid } })).toMatchObject({ code: 409 });
    const { metadata } = await read();
    expect(await apply({ x: "2" }, { metadata: { uid: metadata.uid } })).toMatchObject({ code: 200 });
    const { resourceVersion } = metadata;
    expect(await apply({ x: "3" }, { metadata: { resourceVersion } })).toMatchObject({
      code: 409,
      body: { message: expect.stringContaining("the object has been modified") },
    });
  });

  test("an immutable object, a bad key and too many bytes are refused", async () => {
    expect(await apply({ "a/b": "1" })).toMatchObject({ code: 422 });
    expect(await apply({ x: "x".repeat(1024 * 1024 + 1) })).toMatchObject({ code: 422 });
    await api.call("POST", MAPS, { body: { metadata: { name: "a" }, immutable: true, data: { x: "1" } } });
    expect(await apply({ y: "1" })).toMatchObject({
      code: 422,
      body: { message: expect.stringContaining("field is immutable when `immutable` is set") },
    });
  });
});
