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

describe("logs", () => {
  test("are text: whole, the last lines, or followed", async () => {
    api.runningPod("app");
    const log = "/api/v1/namespaces/default/pods/app/log";
    expect((await api.call("GET", log)).text).toBe("one\ntwo\nthree\n");
    expect((await api.call("GET", `${log}?tailLines=1`)).text).toBe("three\n");
    expect((await api.call("GET", `${log}?follow=true`)).text).toBe("one\ntwo\nthree\n");
    expect((await api.call("GET", `${log}?container=no`)).code).toBe(400);
    expect((await api.call("GET", "/api/v1/namespaces/default/pods/no/log")).code).toBe(404);
  });
});
