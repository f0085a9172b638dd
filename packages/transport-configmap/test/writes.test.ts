import { createPlayground, type Playground } from "@kinsync/playground";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configmap } from "../src/index.ts";
import { failure, Fixture, MOUNT, NAMESPACE, ROOT } from "./support/fixture.ts";

let playground: Playground;
beforeAll(async () => {
  playground = await createPlayground({ kubelet: { projectionDelay: 50 } });
});
afterAll(async () => {
  await playground.close();
});

test("files arrive in the object and in the container, as text and as binary data", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  const receipt = await fixture.send(session, [
    { file: "app.conf", bytes: "level = 1\n" },
    { file: "logo.bin", bytes: Buffer.from([0xff, 0x00, 0xfe]) },
  ]);
  await receipt.seen;
  expect(fixture.object.data).toEqual({ "app.conf": "level = 1\n" });
  expect(fixture.object.binaryData).toEqual({ "logo.bin": "/wD+" });
  expect(await fixture.list()).toEqual(["app.conf", "logo.bin"]);
  expect(await fixture.read("app.conf")).toBe("level = 1\n");
  // The same key, from text to bytes.
  await (
    await fixture.send(session, [{ file: "app.conf", bytes: Buffer.from([0xff]), replaces: "file" }])
  ).seen;
  expect(fixture.object.data).toBeUndefined();
});

test("keys of others stay, also in deletes and in the next applies", async () => {
  await using fixture = await Fixture.start(playground, { object: { data: { theirs: "1" } } });
  const session = await fixture.openAndClaim();
  await fixture.send(session, [{ file: "mine", bytes: "a" }]);
  expect(await fixture.patch({ data: { later: "2" } })).toBe(200);
  await fixture.send(session, [{ remove: "mine" }, { remove: "theirs" }, { file: "other", bytes: "b" }]);
  expect(fixture.object.data).toEqual({ theirs: "1", later: "2", other: "b" });
});

test("a key that kinsync did not create is a named conflict, and nothing is written", async () => {
  await using fixture = await Fixture.start(playground, { object: { data: { "app.conf": "theirs" } } });
  const session = await fixture.openAndClaim();
  const error = await failure(
    fixture.send(session, [
      { file: "new", bytes: "x" },
      { file: "app.conf", bytes: "mine", replaces: "file" },
    ]),
  );
  expect(error).toMatchObject({ code: "KINSYNC_TARGET_FOREIGN", detail: "CONFIGMAP_CONFLICT", retry: "terminal" });
  expect(error.message).toContain("app.conf, which kinsync did not create");
  expect(fixture.object.data).toEqual({ "app.conf": "theirs" });
});

test("a key that another manager edited since is a named conflict, and the edit stays", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  await fixture.send(session, [{ file: "app.conf", bytes: "mine" }]);
  expect(await fixture.patch({ data: { "app.conf": "theirs" } })).toBe(200);
  const error = await failure(fixture.send(session, [{ file: "app.conf", bytes: "mine again", replaces: "file" }]));
  expect(error).toMatchObject({ code: "KINSYNC_TARGET_FOREIGN", detail: "CONFIGMAP_CONFLICT", retry: "terminal" });
  expect(error.message).toContain("app.conf, which kubectl-edit manages");
  expect(fixture.object.data).toEqual({ "app.conf": "theirs" });
});

test("a conflict that only the API server sees is named, and nothing is forced", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  await fixture.send(session, [{ file: "app.conf", bytes: "mine" }]);
  // Somebody else applies the same value: both manage the key.
  const body = { apiVersion: "v1", kind: "ConfigMap", data: { "app.conf": "mine" } };
  expect(await fixture.patch(body, "fieldManager=helm", "application/apply-patch+yaml")).toBe(200);
  const error = await failure(fixture.send(session, [{ file: "app.conf", bytes: "new", replaces: "file" }]));
  expect(error).toMatchObject({ code: "KINSYNC_TARGET_FOREIGN", detail: "CONFIGMAP_CONFLICT" });
  expect(error.message).toContain("helm manages");
  expect(fixture.object.data).toEqual({ "app.conf": "mine" });
});

test("a change that another client makes at the same moment stays, and the commit is made again", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  const commits = Array.from({ length: 10 }, (_, index) =>
    fixture.send(session, [{ file: `f${index}`, bytes: `${index}` }]),
  );
  for (let index = 0; index < 10; index += 1) await fixture.patch({ data: { theirs: `${index}` } });
  await Promise.all(commits);
  expect(Object.keys(fixture.object.data ?? {})).toHaveLength(11);
  expect(fixture.object.data?.["theirs"]).toBe("9");
});

test("more bytes than an object holds, with the keys of others, are refused before anything is written", async () => {
  const theirs = "x".repeat(600_000);
  await using fixture = await Fixture.start(playground, { object: { data: { theirs } } });
  const session = await fixture.openAndClaim();
  const { resourceVersion } = fixture.object.metadata;
  const error = await failure(fixture.send(session, [{ file: "mine", bytes: "y".repeat(500_000) }]));
  expect(error).toMatchObject({ code: "KINSYNC_TRANSPORT_CANNOT", detail: "CONFIGMAP_FULL", retry: "terminal" });
  expect(error.message).toContain("would hold 1100000 bytes, and the API server accepts 1048576");
  expect(fixture.object.metadata.resourceVersion).toBe(resourceVersion);
});

test("an immutable object is named, and nothing is written", async () => {
  await using fixture = await Fixture.start(playground, { object: { immutable: true, data: { a: "1" } } });
  const session = await fixture.open();
  expect(await failure(fixture.claim(session))).toMatchObject({
    code: "KINSYNC_TRANSPORT_CANNOT",
    detail: "CONFIGMAP_IMMUTABLE",
    message: `configmap/${fixture.name} in namespace default is immutable: the API server refuses every change`,
  });
  expect(fixture.object.metadata.annotations).toBeUndefined();
});

test("a missing object is named and never created, and it is used when somebody creates it", async () => {
  await using fixture = await Fixture.start(playground, { object: undefined, volume: { optional: true } });
  const session = await fixture.open();
  expect(await failure(fixture.claim(session))).toMatchObject({ detail: "CONFIGMAP_MISSING", retry: "retry" });
  expect(fixture.exists).toBe(false);
  playground.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: fixture.name } }]);
  const later = await fixture.openAndClaim();
  await (
    await fixture.send(later, [{ file: "f", bytes: "1" }])
  ).seen;
  expect(await fixture.read("f")).toBe("1");
});

test("an object that is deleted between two commits is not created again", async () => {
  await using fixture = await Fixture.start(playground);
  const session = await fixture.openAndClaim();
  playground.store.delete("configmaps", NAMESPACE, fixture.name);
  expect(await failure(fixture.send(session, [{ file: "f", bytes: "1" }]))).toMatchObject({
    detail: "CONFIGMAP_MISSING",
  });
  expect(fixture.exists).toBe(false);
});

test("without consent nothing is written, and reading works", async () => {
  await using fixture = await Fixture.start(playground, { object: { data: { a: "1" } } });
  const session = await fixture.transport.open(fixture.target, {
    cluster: fixture.cluster,
    runId: "r",
    owner: "o",
    since: new Date().toISOString(),
    signal: fixture.signal,
  });
  const { entries } = await session.inventory(ROOT, { paths: ["a"], signal: fixture.signal });
  expect(entries).toMatchObject([{ path: "a", size: 1 }]);
  expect(await failure(fixture.claim(session))).toMatchObject({ code: "KINSYNC_TRANSPORT_CONSENT" });
  await session[Symbol.asyncDispose]();
});

test("a single file and a folder share an object, and neither deletes the other's keys", async () => {
  await using fixture = await Fixture.start(playground);
  const file = { path: MOUNT, shape: "file", fileName: "one.conf", key: "one" } as const;
  const session = await fixture.openAndClaim("run-1", file);
  await fixture.claim(session);
  await fixture.send(session, [{ file: "one.conf", bytes: "1" }], file);
  await fixture.send(session, [{ file: "a", bytes: "1" }]);
  const { signal } = fixture;
  expect((await session.inventory(file, { paths: [], signal })).placed).toEqual(["one.conf"]);
  expect((await session.inventory(ROOT, { paths: [], signal })).placed).toEqual(["a"]);
  await fixture.send(session, [{ remove: "a" }]);
  expect(fixture.object.data).toEqual({ "one.conf": "1" });
});

test("a file that the volume does not show is refused, and one that it shows arrives", async () => {
  await using fixture = await Fixture.start(playground, {
    object: { data: { "app.conf": "" } },
    volume: { items: [{ key: "shown", path: "shown" }] },
  });
  const session = await fixture.openAndClaim();
  expect(await failure(fixture.send(session, [{ file: "hidden", bytes: "1" }]))).toMatchObject({
    code: "KINSYNC_TRANSPORT_CANNOT",
    detail: "CONFIGMAP_ITEMS",
  });
  await (
    await fixture.send(session, [{ file: "shown", bytes: "1" }])
  ).seen;
  expect(await fixture.read("shown")).toBe("1");
});

test.each([
  ["a subPath", {}, { subPath: "app.conf", mountPath: `${MOUNT}/app.conf` }, `${MOUNT}/app.conf`, "CONFIGMAP_SUBPATH"],
  ["renamed keys", { items: [{ key: "a", path: "b" }] }, {}, MOUNT, "CONFIGMAP_ITEMS"],
  ["a folder below the mount", {}, {}, `${MOUNT}/below`, "CONFIGMAP_FOLDER"],
  ["a path that is no mount", {}, {}, "/srv", "CONFIGMAP_NOT_MOUNTED"],
])("%s is a named refusal, and has no place", async (_situation, volume, mount, path, detail) => {
  await using fixture = await Fixture.start(playground, {
    object: { data: { "app.conf": "x", a: "x" } },
    volume,
    mount,
  });
  const session = await fixture.open();
  expect(await failure(fixture.claim(session, { ...ROOT, path }))).toMatchObject({ detail, retry: "terminal" });
  expect(fixture.place({ path })).toBeUndefined();
  expect(fixture.object.metadata.annotations).toBeUndefined();
});

test("a single file whose mount has a subPath is refused by that name", async () => {
  await using fixture = await Fixture.start(playground, {
    object: { data: { "app.conf": "x" } },
    mount: { subPath: "app.conf", mountPath: `${MOUNT}/app.conf` },
  });
  const session = await fixture.open();
  const root = { path: MOUNT, shape: "file", fileName: "app.conf", key: "one" } as const;
  expect(await failure(fixture.claim(session, root))).toMatchObject({ detail: "CONFIGMAP_SUBPATH" });
});

test("containers that mount one object have one place", async () => {
  await using fixture = await Fixture.start(playground);
  expect(fixture.place()).toEqual({ volume: `configmap:default/${fixture.name}`, path: "/" });
});

test("where exec is denied, receipts say what cannot be known", async () => {
  await using fixture = await Fixture.start(playground, { transport: configmap({ lookEvery: 20 }) });
  using _denied = playground.faults.deny({ resource: "pods", subresource: "exec" });
  const session = await fixture.openAndClaim();
  const { seen, notes } = await fixture.send(session, [{ file: "f", bytes: "1" }]);
  expect(seen).toBeUndefined();
  expect(notes).toMatchObject([{ code: "visibility", path: MOUNT }]);
  expect(await session.seen?.(ROOT, { tree: "", signal: fixture.signal })).toBe(false);
  expect(fixture.object.data).toEqual({ f: "1" });
});

test("another member sees the files when its own kubelet has projected them", async () => {
  await using fixture = await Fixture.start(playground);
  const [writer, reader] = [await fixture.openAndClaim(), await fixture.open()];
  await fixture.send(writer, [
    { file: "a", bytes: "1" },
    { file: "b", bytes: "2" },
  ]);
  const began = reader.seen?.(ROOT, { tree: "t", signal: fixture.signal });
  expect(await began).toBe(true);
  expect(await fixture.list()).toEqual(["a", "b"]);
  await fixture.send(writer, [{ remove: "a" }]);
  expect(await reader.seen?.(ROOT, { tree: "t2", signal: fixture.signal })).toBe(true);
  expect(await fixture.list()).toEqual(["b"]);
});

test("a kubelet that does not follow is an error that names the mount", async () => {
  await using slow = await createPlayground({ kubelet: { projectionDelay: 60_000 } });
  await using fixture = await Fixture.start(slow, { transport: configmap({ lookEvery: 20, visibleWithin: 300 }) });
  const session = await fixture.openAndClaim();
  const { seen = Promise.resolve() } = await fixture.send(session, [{ file: "f", bytes: "1" }]);
  expect(await failure(seen)).toMatchObject({
    code: "KINSYNC_TARGET_TIMEOUT",
    message: `pod/${fixture.target.pod}, container main: the kubelet did not show the change in ${MOUNT} within 0.3 s`,
  });
});
