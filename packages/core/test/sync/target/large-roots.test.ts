import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { TargetFixture, type MappedFiles } from "./support/target-fixture.ts";

const LARGE_BYTES = 1_000;
const LARGE = "x".repeat(LARGE_BYTES);

function makeTarget(): TargetFixture {
  const target = new TargetFixture();
  target.largeRootBytes = LARGE_BYTES;
  return target;
}

describe("a root whose transfer takes long, beside a small one", () => {
  let target: TargetFixture;
  let models: MappedFiles;
  let src: MappedFiles;
  /** Lets the transfer end. */
  let arrive: () => void;

  beforeEach(() => {
    target = makeTarget();
    models = target.files("models", { to: "/models" });
    src = target.files("src", { to: "/app" });
    hold();
  });
  afterEach(async () => {
    arrive();
    await target[Symbol.asyncDispose]();
  });

  function hold(): void {
    const gate = Promise.withResolvers<void>();
    target.container.gates.set("models", gate.promise);
    arrive = () => gate.resolve();
  }

  /** The large file is on its way, and the small root holds its files. */
  async function start(): Promise<void> {
    models.set({ model: LARGE });
    src.set({ a: "1" });
    target.start({ files: [models, src] });
    await expect.poll(() => target.container.held, { timeout: 20_000 }).toEqual(["models"]);
    expect(target.container.seen("src")).toEqual({ a: "1" });
  }

  const sizes = (): Record<string, number> =>
    Object.fromEntries(Object.entries(target.container.seen("models")).map(([path, text]) => [path, text.length]));

  test("saves to the small root arrive meanwhile, and the target is synced when both hold the snapshot", async () => {
    await start();
    for (const content of ["2", "3", "4"]) {
      src.set({ a: content });
      await target.until(() => target.container.seen("src").a === content);
      expect(target.worker.status).toBe("syncing");
      expect(target.worker.idle).toBe(false);
    }
    expect(target.worker.snapshot).toBeUndefined();
    expect(sizes()).toEqual({});
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(target.worker.snapshot).toBe(4);
    expect(sizes()).toEqual({ model: LARGE.length });
    expect(target.container.openSessions).toBe(2);
    expect(target.container.lateCommits).toBe(0);
  });

  test("saves to the large root wait, and arrive as one batch", async () => {
    await start();
    models.set({ model: LARGE, small: "2" });
    models.set({ model: LARGE, small: "3" });
    src.set({ a: "2" });
    await target.until(() => target.container.seen("src").a === "2");
    expect(sizes()).toEqual({});
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(target.container.seen("models")["small"]).toBe("3");
    expect(target.container.log.filter((line) => line.startsWith("commit models"))).toEqual([
      "commit models file model",
      "commit models file small",
    ]);
  });

  test("a transfer that fails is repeated, and the other session stays", async () => {
    const lost = new KinsyncError("KINSYNC_TARGET_LOST", "broken");
    await start();
    const [first, second] = target.container.opened.map((session) => session.isOver);
    expect([first, second]).toEqual([false, false]);
    target.container.failNext("commit", lost, lost);
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(sizes()).toEqual({ model: LARGE.length });
    expect(target.events.filter((event) => event.startsWith("retry"))).toHaveLength(2);
    // The session of the small root, and the third one of the large root.
    expect(target.container.sessions).toBe(4);
    expect(target.container.openSessions).toBe(2);
  });

  test("a save to the small root that fails does not end the transfer", async () => {
    await start();
    target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_LOST", "broken"));
    src.set({ a: "2" });
    await target.until(() => target.container.seen("src").a === "2");
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(target.container.log.filter((line) => line.startsWith("commit models"))).toHaveLength(1);
    expect(target.container.sessions).toBe(3);
  });

  test("a failure that only other files can end does not outlive them", async () => {
    await start();
    target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_FULL", "no room", { retry: "terminal" }));
    models.set({ small: "1" });
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(sizes()).toEqual({ small: 1 });
  });

  test("a failure that needs the user fails the target, and the small root goes on", async () => {
    await start();
    target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_FULL", "no room", { retry: "terminal" }));
    arrive();
    await target.until(() => target.worker.status === "failed" && target.worker.idle);
    hold();
    src.set({ a: "2" });
    await target.until(() => target.container.seen("src").a === "2");
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(sizes()).toEqual({ model: LARGE.length });
  });

  test("the end of the target ends the transfer", async () => {
    await start();
    const ended = target.worker[Symbol.asyncDispose]();
    arrive();
    await ended;
    expect(sizes()).toEqual({});
    expect(target.container.openSessions).toBe(0);
  });

  test("a transfer to a mapping that another run took ends without another attempt", async () => {
    await start();
    target.container.takeOver("2030-01-01T00:00:00.000Z");
    arrive();
    await target.until(() => target.worker.isTaken);
    expect(sizes()).toEqual({});
    expect(target.worker.status).toBe("halted");
  });

  test("both share the only session that the container has room for", async () => {
    models.set({ small: "1" });
    src.set({ a: "1" });
    arrive();
    target.start({ files: [models, src] });
    await target.until(() => target.worker.status === "synced");
    target.container.failNext("open", new KinsyncError("KINSYNC_TARGET_NO_AGENT", "no room"));
    hold();
    models.set({ small: "1", model: LARGE });
    await expect.poll(() => target.container.held, { timeout: 20_000 }).toEqual(["models", "models"]);
    models.set({ small: "2", model: LARGE });
    src.set({ a: "2" });
    await target.until(() => target.container.seen("src").a === "2");
    arrive();
    await target.until(() => target.container.seen("models")["small"] === "2" && target.worker.status === "synced");
    expect(sizes()["model"]).toBe(LARGE.length);
    expect(target.container.log.filter((line) => line.startsWith("commit models"))).toEqual([
      "commit models file small",
      "commit models file model",
      "commit models file small",
    ]);
    expect(target.container.sessions).toBe(1);
  });

  test("a root that becomes large gets a session of its own, and keeps what it holds", async () => {
    models.set({ small: "1" });
    src.set({ a: "1" });
    arrive();
    target.start({ files: [models, src] });
    await target.until(() => target.worker.status === "synced");
    expect(target.container.sessions).toBe(1);
    hold();
    models.set({ small: "1", model: LARGE });
    src.set({ a: "2" });
    await target.until(() => target.container.seen("src").a === "2");
    expect(sizes()).toEqual({ small: 1 });
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(sizes()).toEqual({ small: 1, model: LARGE.length });
    expect(target.container.log.filter((line) => line.startsWith("commit models"))).toEqual([
      "commit models file small",
      "commit models file model",
    ]);
    expect(target.container.sessions).toBe(2);
  });
});

test("roots of which one lies in the other share a session", async () => {
  await using target = makeTarget();
  const inner = target.files("models", { to: "/app/models" });
  const outer = target.files("src", { to: "/app" });
  inner.set({ model: LARGE });
  outer.set({ a: "1" });
  target.start({ files: [inner, outer] });
  await target.until(() => target.worker.status === "synced");
  expect(target.container.sessions).toBe(1);
});

test("a target with one root has one session", async () => {
  await using target = makeTarget();
  const models = target.files("models");
  models.set({ model: LARGE });
  target.start({ files: [models] });
  await target.until(() => target.worker.status === "synced");
  expect(target.container.sessions).toBe(1);
});
