import { describe, expect, test } from "vitest";
import { KinsyncError, type Batch, type BatchEntry, type Session } from "../../src/contract/index.ts";
import { SESSION_MEMBERS } from "../../src/plugins/host-session.ts";
import { batch, openStub, receipt } from "./support/stub-session.ts";

const options = { signal: new AbortController().signal };

test("a member that `Session` gains does not compile until the host knows it", () => {
  // @ts-expect-error -- the table has no line for `push`
  void (SESSION_MEMBERS satisfies Record<keyof Session | "push", string>);
  expect(Reflect.ownKeys(SESSION_MEMBERS)).toContain("run");
});

test("a batch is staged and committed through the host", async () => {
  const session = await openStub();
  const stage = session.stage(batch, options);
  await stage.ready;
  expect(await session.commit(stage, options)).toEqual(receipt);
  await session.discard(stage);
  await session[Symbol.asyncDispose]();
});

test("a stage that fails rejects the commit too, and nothing is left unhandled", async () => {
  const full = new KinsyncError("KINSYNC_TARGET_FULL", "no space is left");
  const session = await openStub({
    stage: () => ({ ready: Promise.reject(full) }),
    commit: () => Promise.reject(full),
  });
  const stage = session.stage(batch, options);
  await expect(session.commit(stage, options)).rejects.toMatchObject({
    code: "KINSYNC_TARGET_FULL",
    operation: "commit",
  });
});

test("a receipt that makes no sense is a failed plugin", async () => {
  const session = await openStub({ commit: () => Promise.resolve({ snapshot: "3" } as never) });
  await expect(session.commit(session.stage(batch, options), options)).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_FAILED",
    operation: "commit",
  });
});

test("a receipt with notes that are no list of notes is a failed plugin", async () => {
  for (const notes of ["mode", [{ code: "mode" }], [{ code: "", message: "x" }]]) {
    const session = await openStub({ commit: () => Promise.resolve({ ...receipt, notes } as never) });
    await expect(session.commit(session.stage(batch, options), options)).rejects.toMatchObject({
      code: "KINSYNC_PLUGIN_FAILED",
    });
  }
});

test("a receipt of a batch that others follow has an empty digest", async () => {
  const first = { ...receipt, tree: "" };
  const session = await openStub({ commit: () => Promise.resolve(first) });
  expect(await session.commit(session.stage({ ...batch, tree: "" }, options), options)).toEqual(first);
});

test("an end that rejects is a lost session", async () => {
  const session = await openStub({ ended: Promise.reject(new Error("boom")) });
  expect(await session.ended).toMatchObject({ why: "lost", error: { code: "KINSYNC_PLUGIN_FAILED" } });
});

describe("what a transport does not claim", () => {
  test("a command is refused, also where the session has `run`", async () => {
    const session = await openStub({}, { capabilities: {} });
    const running = session.run(["true"], { timeout: 1_000, ...options });
    await expect(running).rejects.toMatchObject({
      code: "KINSYNC_TRANSPORT_CANNOT",
      retry: "terminal",
      message: "the transport radio cannot run commands",
    });
  });

  test("a ping is refused where the session has none, and a discard does nothing", async () => {
    const session = await openStub({ ping: undefined as never, discard: undefined as never });
    await expect(session.ping(options)).rejects.toMatchObject({ code: "KINSYNC_TRANSPORT_CANNOT" });
    await expect(session.discard(session.stage(batch, options))).resolves.toBeUndefined();
  });

  test.each<[BatchEntry, string]>([
    [{ op: "directory", path: "d", mode: 0o755 }, "create the folder d"],
    [{ op: "link", path: "l", target: "f" }, "create the link l"],
    [{ op: "chmod", path: "f", mode: 0o755 }, "change the mode of f"],
    [{ op: "delete", path: "f", type: "file" }, "delete f"],
  ])("a batch with %j does not reach the plugin", async (entry, what) => {
    let staged = 0;
    const count = (): never => {
      staged += 1;
      throw new Error("not reached");
    };
    const session = await openStub({ stage: count }, { capabilities: {} });
    expect(() => session.stage({ ...batch, entries: [entry] }, options)).toThrowError(
      expect.objectContaining({
        code: "KINSYNC_TRANSPORT_CANNOT",
        message: `the transport radio cannot ${what}`,
      }) as Error,
    );
    expect(staged).toBe(0);
  });
});

describe("a local file that cannot be read", () => {
  const failure = new KinsyncError("KINSYNC_SOURCE_UNREADABLE", "f changed while it was read");
  const broken: Batch = {
    ...batch,
    archive: {
      size: 2,
      async *chunks() {
        yield Uint8Array.of(1);
        throw failure;
      },
    },
  };
  const drain = async (each: Batch): Promise<void> => {
    for await (const _ of each.archive.chunks(options.signal));
  };

  test.each<[string, (error: unknown) => unknown]>([
    ["as it is", (error) => error],
    ["wrapped in an error of the plugin", (error) => new Error("upload failed", { cause: error })],
    ["as a lost connection", () => new KinsyncError("KINSYNC_TARGET_LOST", "the pipe ended")],
  ])("is the error of stage and commit, though the plugin rejects %s", async (_how, rejected) => {
    const session = await openStub({
      stage: (each) => ({ ready: drain(each).catch((error: unknown) => Promise.reject(rejected(error))) }),
      commit: (stage) => stage.ready.then(() => receipt),
    });
    const stage = session.stage(broken, options);
    await expect(session.commit(stage, options)).rejects.toBe(failure);
    await expect(stage.ready).rejects.toBe(failure);
  });

  test("does not hide an abort", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const session = await openStub({
      stage: () => ({ ready: new Promise((_, reject) => stop.signal.addEventListener("abort", () => reject(reason))) }),
    });
    const stage = session.stage(broken, { signal: stop.signal });
    stop.abort(reason);
    await expect(stage.ready).rejects.toBe(reason);
  });
});

describe("a transport that acknowledges what it accepted", () => {
  const capabilities = { acknowledges: "accepted" } as const;

  async function seenOf(seen: Promise<void>, parts: Partial<Session> = {}, limits = {}) {
    const session = await openStub(
      { commit: () => Promise.resolve({ ...receipt, seen }), ...parts },
      { capabilities, limits },
    );
    return (await session.commit(session.stage(batch, options), options)).seen;
  }

  test("reports later that the files are visible", async () => {
    expect(await seenOf(Promise.resolve())).toBeUndefined();
  });

  test("that never reports it is a hung plugin", async () => {
    await expect(seenOf(new Promise(() => undefined), {}, { seenMs: 10 })).rejects.toMatchObject({
      code: "KINSYNC_PLUGIN_FAILED",
      operation: "seen",
    });
  });

  test("whose session ends before is a lost target", async () => {
    const ended = Promise.resolve({ why: "lost" as const });
    await expect(seenOf(new Promise(() => undefined), { ended })).rejects.toMatchObject({
      code: "KINSYNC_TARGET_LOST",
    });
  });

  test("may give receipts without `seen`", async () => {
    const session = await openStub({}, { capabilities });
    expect((await session.commit(session.stage(batch, options), options)).seen).toBeUndefined();
  });

  test("and one that acknowledges what is seen may not report it twice", async () => {
    const session = await openStub({ commit: () => Promise.resolve({ ...receipt, seen: Promise.resolve() }) });
    await expect(session.commit(session.stage(batch, options), options)).rejects.toMatchObject({
      code: "KINSYNC_PLUGIN_FAILED",
      message: expect.stringContaining("a receipt with `seen`") as string,
    });
  });
});
