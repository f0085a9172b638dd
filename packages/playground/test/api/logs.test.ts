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

  test("have parameters that are checked", async () => {
    api.runningPod("app");
    const log = "/api/v1/namespaces/default/pods/app/log";
    expect((await api.call("GET", `${log}?tailLines=x`)).code).toBe(400);
    expect((await api.call("GET", `${log}?tailLines=-1`)).code).toBe(422);
    expect((await api.call("GET", `${log}?sinceSeconds=0`)).code).toBe(422);
    expect((await api.call("GET", `${log}?sinceTime=yesterday`)).code).toBe(400);
    expect((await api.call("GET", `${log}?sinceSeconds=5&sinceTime=2026-01-31T12:00:00Z`)).code).toBe(422);
    expect((await api.call("GET", `${log}?sinceTime=2026-01-31T12:00:00Z&timestamps=true`)).code).toBe(200);
  });
});
