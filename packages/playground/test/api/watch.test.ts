import { afterEach, beforeEach, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi, TestWatch } from "../support/api-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

let api: TestApi;
beforeEach(async () => {
  api = await startApi({ bookmarkInterval: 20 });
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

function make(name: string, labels: Record<string, string> = {}): void {
  api.store.create("configmaps", "default", { metadata: { name, labels } });
}

function relabel(name: string, labels: Record<string, string>): void {
  const object = api.store.get("configmaps", "default", name)!;
  api.store.update("configmaps", { ...object, metadata: { ...object.metadata, labels } });
}

async function nextChange(watch: TestWatch): Promise<string | undefined> {
  const event = await watch.next();
  return event === undefined ? undefined : `${event.type} ${event.object.metadata?.name ?? ""}`.trim();
}

test("from a list's version on, no change is missed or repeated", async () => {
  make("a");
  const { body } = await api.call("GET", MAPS);
  const { resourceVersion } = body["metadata"] as { resourceVersion: string };
  make("b");
  const watch = await api.watch(`${MAPS}?watch=1&resourceVersion=${resourceVersion}`);
  relabel("a", { x: "y" });
  api.store.delete("configmaps", "default", "b");
  expect([await nextChange(watch), await nextChange(watch), await nextChange(watch)]).toEqual([
    "ADDED b",
    "MODIFIED a",
    "DELETED b",
  ]);
});

test("without a version, a watch starts with the existing objects", async () => {
  make("a");
  const watch = await api.watch(`${MAPS}?watch=true`);
  expect(await nextChange(watch)).toBe("ADDED a");
  make("b");
  expect(await nextChange(watch)).toBe("ADDED b");
});

test("for a watch with a selector, an object that no longer matches is DELETED, one that now matches is ADDED", async () => {
  make("a", { on: "yes" });
  const watch = await api.watch(`${MAPS}?watch=1&labelSelector=on%3Dyes&resourceVersion=${api.store.revision}`);
  relabel("a", { on: "no" });
  relabel("a", { on: "no", more: "x" });
  relabel("a", { on: "yes" });
  api.store.delete("configmaps", "default", "a");
  expect([await nextChange(watch), await nextChange(watch), await nextChange(watch)]).toEqual([
    "DELETED a",
    "ADDED a",
    "DELETED a",
  ]);
});

test("changes in other namespaces and of other names are left out", async () => {
  const watch = await api.watch(`${MAPS}?watch=1&fieldSelector=metadata.name%3Dmine`);
  api.store.create("configmaps", "kube-system", { metadata: { name: "mine" } });
  make("other");
  make("mine");
  const event = await watch.next();
  expect(event?.object.metadata).toMatchObject({ name: "mine", namespace: "default" });
});

test("bookmarks are sent on request, and a watch can start at one after older versions expired", async () => {
  const watch = await api.watch(`${MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion=${api.store.revision}`);
  api.store.create("secrets", "default", { metadata: { name: "s" } });
  const newest = String(api.store.revision);
  for (;;) {
    const event = await watch.next();
    expect(event?.type).toBe("BOOKMARK");
    if (event?.object.metadata.resourceVersion === newest) {
      break;
    }
  }
});

test("a streamed list ends with its bookmark", async () => {
  make("a");
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const watch = await api.watch(`${MAPS}?${query}`);
  expect(await nextChange(watch)).toBe("ADDED a");
  expect(await watch.next()).toMatchObject({
    type: "BOOKMARK",
    object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
  });
  expect(await api.call("GET", `${MAPS}?watch=1&sendInitialEvents=true`)).toMatchObject({ code: 422 });
});

test("an expired version is reported in band, or by the response's code", async () => {
  const { revision } = api.store;
  make("a");
  const open = await api.watch(`${MAPS}?watch=1&resourceVersion=${api.store.revision}`);
  api.faults.expireResourceVersions();
  expect(await open.next()).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
  expect(await open.next()).toBeUndefined();
  const late = await api.watch(`${MAPS}?watch=1&resourceVersion=${revision}`);
  expect(late.code).toBe(200);
  expect(await late.next()).toMatchObject({ type: "ERROR", object: { code: 410 } });
  api.faults.expireResourceVersions({ http: true });
  expect(await api.call("GET", `${MAPS}?watch=1&resourceVersion=${revision}`)).toMatchObject({ code: 410 });
  const { body } = await api.call("GET", MAPS);
  const { resourceVersion } = body["metadata"] as { resourceVersion: string };
  const fresh = await api.watch(`${MAPS}?watch=1&resourceVersion=${resourceVersion}`);
  make("b");
  expect(await nextChange(fresh)).toBe("ADDED b");
});

test("after its timeout, a watch's response ends", async () => {
  const watch = await api.watch(`${MAPS}?watch=1&timeoutSeconds=1`);
  expect(await watch.next()).toBeUndefined();
});

test("watches are cut on demand, by resource", async () => {
  const maps = await api.watch(`${MAPS}?watch=1`);
  const secrets = await api.watch("/api/v1/secrets?watch=1");
  expect(api.faults.cutWatches({ resource: "configmaps" })).toBe(1);
  await expect(maps.next()).rejects.toThrow(/aborted/);
  expect(api.faults.cutWatches({ clean: true })).toBe(1);
  expect(await secrets.next()).toBeUndefined();
});

test("a client that disconnects leaves no watch behind", async () => {
  const watch = await api.watch(`${MAPS}?watch=1`);
  make("a");
  await watch.next();
  watch.close();
  // The server notices when the connection ends; a second connection of the same agent waits for that.
  await expect.poll(() => api.faults.cutWatches()).toBe(0);
});

test("tables can be watched, with the columns in the first event only", async () => {
  make("a");
  make("b");
  const { promise, resolve } = Promise.withResolvers<string>();
  void api
    .call("GET", `${MAPS}?watch=1&timeoutSeconds=1`, {
      headers: { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
    })
    .then(({ text }) => {
      resolve(text);
    });
  const events = (await promise)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; object: { columnDefinitions: unknown[] | null } });
  expect(events.map(({ type, object }) => [type, object.columnDefinitions?.length])).toEqual([
    ["ADDED", 3],
    ["ADDED", undefined],
  ]);
});
