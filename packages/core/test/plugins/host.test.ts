import { expect, test } from "vitest";
import {
  defineTransport,
  KinsyncError,
  type Batch,
  type OpenContext,
  type Session,
  type Target,
} from "../../src/contract/index.ts";
import { hostKind, hostTransport } from "../../src/plugins/host.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { JOBS, object, pod, PODS, teamKind, TEAMS } from "../support/objects.ts";

const target: Target = { namespace: "ml", pod: "p", podUid: "u", container: "main", containerId: "containerd://1" };

function context(signal = new AbortController().signal): OpenContext {
  return { cluster: new FakeCluster([]), runId: "s", owner: "ada@laptop", since: "2026-01-01T00:00:00Z", signal };
}

const batch: Batch = {
  root: { path: "/app", shape: "directory", key: "k" },
  snapshot: 3,
  tree: "digest",
  entries: [],
  placed: [],
  unplaced: [],
  archive: { size: 0, chunks: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error()) }) }) },
};

function session(parts: Partial<Session> = {}): Session {
  const stages = new WeakSet<object>();
  return {
    facts: { agent: "sh", incarnation: "1", workingDirectory: "/" },
    ended: new Promise(() => undefined),
    inventory: () => Promise.resolve({ root: "missing", entries: [], placed: [] }),
    claim: () => Promise.resolve(),
    stage: () => {
      const stage = { ready: Promise.resolve() };
      stages.add(stage);
      return stage;
    },
    commit: (stage) =>
      stages.has(stage)
        ? Promise.resolve({ snapshot: 3, tree: "digest", count: 0 })
        : Promise.reject(new Error("not my stage")),
    discard: () => Promise.resolve(),
    run: () => Promise.resolve({ exitCode: 0, why: "exited", output: "", truncated: false, duration: 1 }),
    ping: () => Promise.resolve(1),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...parts,
  };
}

function transport(open: () => Promise<Session>, limits = {}) {
  return hostTransport(defineTransport({ name: "radio", open }), limits);
}

test("a kind's answers pass as they are", () => {
  const host = hostKind(teamKind());
  const root = object(TEAMS, "train");
  expect(host.watches(root)).toEqual({ watches: [{ resource: JOBS }] });
  const judgement = host.judge({ root, owned: [], pods: [], missing: [], referred: [], rule: () => undefined });
  expect(judgement.pod({ pod: pod("a"), owners: [], by: "owner" }).state).toBe("current");
  expect(hostKind(host.plugin)).toBe(host);
});

test.each([
  ["a plan that is none", { watches: () => undefined as never }, "instead of { watches: [...] }"],
  [
    "a resource without a plural",
    { watches: () => ({ watches: [{ resource: { group: "", version: "v1" } as never }] }) },
    "without kind and plural",
  ],
  [
    "an owner that is no word",
    { watches: () => ({ watches: [{ resource: JOBS, owner: "all" as never }] }) },
    'owner of jobs is "all"',
  ],
  [
    "a misspelt field of a watch",
    { watches: () => ({ watches: [{ resource: JOBS, labelselector: "a=b" } as never] }) },
    "the watch of jobs has an unknown field `labelselector`; did you mean `labelSelector`?",
  ],
  [
    "a field that the plan does not have",
    { watches: () => ({ watches: [], pod: {} }) as never },
    "unknown field `pod`; did you mean `pods`?",
  ],
  [
    "a delegated watch that would keep a part of the child",
    { watches: () => ({ watches: [{ resource: JOBS, delegate: true, metadataOnly: true }] }) },
    "the watch of jobs is delegated and has `metadataOnly`",
  ],
  ["delegated pods", { watches: () => ({ watches: [{ resource: PODS, delegate: true }] }) }, "watches delegates pods"],
  [
    "a reference without a name",
    { watches: () => ({ watches: [], refers: [{ resource: JOBS, name: "" }] }) },
    "refers names an object of jobs with the name",
  ],
  [
    "a throw",
    {
      watches: () => {
        throw new RangeError("boom");
      },
    },
    "boom",
  ],
])("watches: %s is named", (_situation, parts, message) => {
  expect(() => hostKind(teamKind(parts)).watches(object(TEAMS, "train"))).toThrowError(
    expect.objectContaining({
      code: "KINSYNC_PLUGIN_FAILED",
      plugin: "team",
      operation: "watches",
      message: expect.stringContaining(message) as string,
    }) as Error,
  );
});

test.each([
  ["no verdict", undefined, "instead of a verdict"],
  ["an unknown state", { state: "good", reason: { code: "a", message: "b" } }, 'returned state "good"'],
  ["a numeric index", { state: "current", index: 3, reason: { code: "a", message: "b" } }, "returned index number 3"],
  ["no reason", { state: "current" }, "has no reason"],
  ["an empty code", { state: "current", reason: { code: "", message: "b" } }, "has no reason"],
  ["a promise", Promise.resolve(), "returned state undefined"],
  [
    "a misspelt field",
    { state: "current", roles: "a", reason: { code: "a", message: "b" } },
    "returned an unknown field for pod p-1 `roles`; did you mean `role`?",
  ],
  [
    "a label that is a number",
    { state: "current", labels: { group: 3 }, reason: { code: "a", message: "b" } },
    "returned label group number 3",
  ],
])("judge: %s is named with the pod", (_situation, verdict, message) => {
  const host = hostKind(teamKind({ judge: () => ({ pod: () => verdict as never }) }));
  const judgement = host.judge({
    root: object(TEAMS, "train"),
    owned: [],
    pods: [],
    missing: [],
    referred: [],
    rule: () => undefined,
  });
  expect(() => judgement.pod({ pod: pod("p-1"), owners: [], by: "owner" })).toThrowError(
    expect.objectContaining({ message: expect.stringMatching(/p-1/) as string }) as Error,
  );
  expect(() => judgement.pod({ pod: pod("p-1"), owners: [], by: "owner" })).toThrowError(message);
});

test("judge: the note of contract 1 is an unknown field", () => {
  const judge = () => ({ pod: () => ({}), note: { code: "a", message: "b" } }) as never;
  const view = { root: object(TEAMS, "train"), owned: [], pods: [], missing: [], referred: [], rule: () => undefined };
  expect(() => hostKind(teamKind({ judge })).judge(view)).toThrowError("unknown field `note`; did you mean `notes`?");
});

test("an error of a transport keeps its code and retry, and says whose it is", async () => {
  const cause = new KinsyncError("KINSYNC_TARGET_GONE", "the pod is no more");
  const opening = transport(() => Promise.reject(cause)).open(target, context());
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_TARGET_GONE",
    retry: "gone",
    plugin: "radio",
    operation: "open",
    cause,
  });
});

test("any other error of a transport is a failed plugin", async () => {
  const opening = transport(() => Promise.reject(new TypeError("x is not a function"))).open(target, context());
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    message: "plugin radio failed in open: x is not a function",
  });
});

test("a transport that hangs is named, and its late session is closed", async () => {
  const late = Promise.withResolvers<Session>();
  const closed = Promise.withResolvers<void>();
  const opening = transport(() => late.promise, { answer: 10 }).open(target, context());
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    retry: "retry",
    message: expect.stringContaining("did not come back from open") as string,
  });
  late.resolve(session({ [Symbol.asyncDispose]: () => Promise.resolve(closed.resolve()) }));
  await closed.promise;
});

test("an abort stays an abort", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const opening = transport(
    () => new Promise((_, reject) => controller.signal.addEventListener("abort", () => reject(reason))),
  ).open(target, context(controller.signal));
  controller.abort(reason);
  await expect(opening).rejects.toBe(reason);
});

test("a session that lacks a function is refused", async () => {
  const opening = transport(() => Promise.resolve(session({ ping: undefined as never }))).open(target, context());
  await expect(opening).rejects.toMatchObject({ message: expect.stringContaining("without ping()") as string });
});

test("a batch is staged and committed through the host", async () => {
  const opened = await transport(() => Promise.resolve(session())).open(target, context());
  const { signal } = context();
  const stage = opened.stage(batch, { signal });
  await stage.ready;
  expect(await opened.commit(stage, { signal })).toEqual({ snapshot: 3, tree: "digest", count: 0 });
  await opened.discard(stage);
  await opened[Symbol.asyncDispose]();
});

test("a stage that fails is told once, also to one who only commits", async () => {
  const failing = session({
    stage: () => ({ ready: Promise.reject(new KinsyncError("KINSYNC_TARGET_FULL", "no room")) }),
    commit: () => Promise.reject(new KinsyncError("KINSYNC_TARGET_FULL", "no room")),
  });
  const opened = await transport(() => Promise.resolve(failing)).open(target, context());
  const { signal } = context();
  const stage = opened.stage(batch, { signal });
  await expect(opened.commit(stage, { signal })).rejects.toMatchObject({
    code: "KINSYNC_TARGET_FULL",
    operation: "commit",
  });
});

test("a receipt that makes no sense is a failed plugin", async () => {
  const lying = session({ commit: () => Promise.resolve({ snapshot: "3" } as never) });
  const opened = await transport(() => Promise.resolve(lying)).open(target, context());
  const { signal } = context();
  await expect(opened.commit(opened.stage(batch, { signal }), { signal })).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    operation: "commit",
  });
});

test("a receipt of a batch that others follow names no tree yet", async () => {
  const first = session({ commit: () => Promise.resolve({ snapshot: 3, tree: "", count: 0 }) });
  const opened = await transport(() => Promise.resolve(first)).open(target, context());
  const { signal } = context();
  const stage = opened.stage({ ...batch, tree: "" }, { signal });
  expect(await opened.commit(stage, { signal })).toEqual({ snapshot: 3, tree: "", count: 0 });
});

test("an end that rejects is a lost session", async () => {
  const broken = session({ ended: Promise.reject(new Error("boom")) });
  const opened = await transport(() => Promise.resolve(broken)).open(target, context());
  expect(await opened.ended).toMatchObject({ why: "lost", error: { code: "KINSYNC_PLUGIN_FAILED" } });
});
