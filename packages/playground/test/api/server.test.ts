import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

describe("access", () => {
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
