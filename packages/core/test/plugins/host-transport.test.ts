import { expect, test } from "vitest";
import { defineTransport, KinsyncError, type OpenContext, type Place, type Session } from "../../src/contract/index.ts";
import { hostTransport } from "../../src/plugins/host.ts";
import { batch, context, hostedTransport, receipt, stubSession, target } from "./support/stub-session.ts";

test("an error of a transport keeps its code and retry, and names the plugin", async () => {
  const cause = new KinsyncError("KINSYNC_TARGET_GONE", "the pod was deleted", { details: { code: "RADIO_SILENT" } });
  const opening = hostedTransport(() => Promise.reject(cause)).open(target, context());
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_TARGET_GONE",
    retry: "gone",
    plugin: "radio",
    operation: "open",
    details: { code: "RADIO_SILENT" },
    cause,
  });
});

test("any other error of a transport is a failed plugin", async () => {
  const opening = hostedTransport(() => Promise.reject(new TypeError("x is not a function"))).open(target, context());
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    message: "plugin radio failed in open: x is not a function",
  });
});

test("a transport that hangs is named, and its late session is closed", async () => {
  const late = Promise.withResolvers<Session>();
  const closed = Promise.withResolvers<void>();
  const hosted = hostedTransport(() => late.promise, { limits: { answerMs: 10 } });
  await expect(hosted.open(target, context())).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    retry: "retry",
    message: expect.stringContaining("did not return from open") as string,
  });
  late.resolve(stubSession({ [Symbol.asyncDispose]: () => Promise.resolve(closed.resolve()) }));
  await closed.promise;
});

test("an abort stays an abort", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const opening = hostedTransport(
    () => new Promise((_, reject) => controller.signal.addEventListener("abort", () => reject(reason))),
  ).open(target, context(controller.signal));
  controller.abort(reason);
  await expect(opening).rejects.toBe(reason);
});

test("a transport that ignores an abort does not hold up its caller, and its late session is closed", async () => {
  const late = Promise.withResolvers<Session>();
  const closed = Promise.withResolvers<void>();
  const controller = new AbortController();
  const reason = new Error("enough");
  const opening = hostedTransport(() => late.promise, { limits: { answerMs: 50 } }).open(
    target,
    context(controller.signal),
  );
  controller.abort(reason);
  await expect(opening).rejects.toBe(reason);
  late.resolve(stubSession({ [Symbol.asyncDispose]: () => Promise.resolve(closed.resolve()) }));
  await closed.promise;
});

test("a transport that lists nothing claims nothing, and what it lists is claimed", () => {
  const none = hostedTransport(() => Promise.reject(new Error("not opened")), { capabilities: {} });
  expect(none.capabilities).toEqual({
    folders: false,
    links: false,
    modes: false,
    deletes: false,
    run: false,
    pull: false,
    overtaking: false,
    inPlace: false,
    mirror: false,
    maxBytes: Number.POSITIVE_INFINITY,
    atomic: "none",
    acknowledges: "accepted",
    writesApi: [],
    names: undefined,
  });
  const some = hostedTransport(() => Promise.reject(new Error("not opened")), { capabilities: { links: true } });
  expect(some.capabilities).toMatchObject({ links: true, folders: false });
});

test("`open` receives the roots and options that the engine gives, and empty ones otherwise", async () => {
  const received: OpenContext[] = [];
  const hosted = hostedTransport((_, given) => {
    received.push(given);
    return Promise.resolve(stubSession());
  });
  await hosted.open(target, context());
  const roots = [{ path: "/app", shape: "directory", key: "k" }] as const;
  await hosted.open(target, { ...context(), roots, options: { claim: "data" } });
  expect(received.map((given) => [given.roots, given.options])).toEqual([
    [[], {}],
    [roots, { claim: "data" }],
  ]);
});

test.each<[string, Partial<Session>, string]>([
  ["claim", { claim: undefined as never }, "returned a session without claim()"],
  ["run, although it claims it", { run: undefined as never }, "returned a session without run(), although"],
  ["a way to close it", { [Symbol.asyncDispose]: undefined as never }, "without [Symbol.asyncDispose]()"],
  ["ended", { ended: undefined as never }, "without the promise `ended`"],
  ["an incarnation", { facts: { agent: "sh", incarnation: "" } }, "whose facts lack agent or incarnation"],
  ["a callable ping", { ping: 1 as never }, "returned a session without ping()"],
])("a session without %s is refused", async (_missing, parts, message) => {
  const opening = hostedTransport(() => Promise.resolve(stubSession(parts))).open(target, context());
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    operation: "open",
    message: expect.stringContaining(message) as string,
  });
});

test("a session without the optional methods is accepted from a transport that does not claim them", async () => {
  const missing = { run: undefined, discard: undefined, ping: undefined } as unknown as Partial<Session>;
  const hosted = hostedTransport(() => Promise.resolve(stubSession(missing)), { capabilities: {} });
  await expect(hosted.open(target, context())).resolves.toBeDefined();
});

test("notes of receipts are passed on", async () => {
  const notes = [{ code: "owner", path: "f", message: "/app/f: its owner could not be set" }];
  const session = stubSession({ commit: () => Promise.resolve({ ...receipt, notes }) });
  const signal = AbortSignal.timeout(10_000);
  const opened = await hostedTransport(() => Promise.resolve(session)).open(target, context());
  expect(await opened.commit(opened.stage(batch, { signal }), { signal })).toMatchObject({ notes });
});

const ROOT = { path: "/app", shape: "directory", key: "k" } as const;

function placeOf(place: () => unknown): Place | undefined {
  const open = (): Promise<Session> => Promise.reject(new Error("not opened"));
  const transport = defineTransport({ name: "radio", open, place: place as () => Place | undefined });
  return hostTransport(transport).place(target, ROOT, {});
}

test("a transport without `place` does not know any", () => {
  expect(hostedTransport(() => Promise.reject(new Error("not opened"))).place(target, ROOT, {})).toBeUndefined();
});

test("a place is passed on without unknown fields", () => {
  expect(placeOf(() => ({ volume: "v", path: "/a", more: 1 }))).toEqual({ volume: "v", path: "/a" });
  expect(placeOf(() => ({ volume: "v", path: "/", readOnly: true }))).toEqual({
    volume: "v",
    path: "/",
    readOnly: true,
  });
  expect(placeOf(() => undefined)).toBeUndefined();
});

test.each<[answer: string, place: () => unknown, message: string]>([
  ["a text", () => "v:/a", 'the place is "v:/a", not an object'],
  ["a promise", () => Promise.resolve({ volume: "v", path: "/a" }), "the place's `volume` is undefined, not a text"],
  ["no volume", () => ({ volume: "", path: "/a" }), 'the place\'s `volume` is "", not a text'],
  [
    "a relative path",
    () => ({ volume: "v", path: "a" }),
    'the place\'s `path` is "a", not an absolute normalized path',
  ],
  [
    "a path with ..",
    () => ({ volume: "v", path: "/a/.." }),
    'the place\'s `path` is "/a/..", not an absolute normalized path',
  ],
  [
    "a slash at the end",
    () => ({ volume: "v", path: "/a/" }),
    'the place\'s `path` is "/a/", not an absolute normalized path',
  ],
  [
    "an error",
    () => {
      throw new TypeError("no pod");
    },
    "no pod",
  ],
])("a transport that answers with %s where files land is named", (_answer, place, message) => {
  expect(() => placeOf(place)).toThrow(
    expect.objectContaining({
      code: "KINSYNC_PLUGIN_FAILED",
      message: `plugin radio failed in place: ${message}`,
      operation: "place",
    }) as Error,
  );
});
