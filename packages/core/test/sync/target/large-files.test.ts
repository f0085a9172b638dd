import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { ALL_CAPABILITIES } from "../../support/capabilities.ts";
import { TargetFixture, type MappedFiles } from "./support/target-fixture.ts";

const LARGE_BYTES = 1_000;
const LARGE = "x".repeat(LARGE_BYTES);
const OTHER = "y".repeat(LARGE_BYTES);

describe("a root with a large file", () => {
  let target: TargetFixture;
  let src: MappedFiles;
  /** Lets large files arrive. */
  let arrive: () => void;

  beforeEach(() => {
    target = new TargetFixture();
    target.largeFileBytes = LARGE_BYTES;
    src = target.files("src", { to: "/app" });
    hold();
  });
  afterEach(async () => {
    arrive();
    await target[Symbol.asyncDispose]();
  });

  /** Large files stay on their way until `arrive`. */
  function hold(): void {
    const gate = Promise.withResolvers<void>();
    target.container.backgroundGate = gate.promise;
    arrive = () => gate.resolve();
  }

  const commits = (): string[] => target.container.log.filter((line) => line.startsWith("commit"));
  const seen = (): Record<string, string> => target.container.seen("src");

  /** The container has the code, and the model is on its way. */
  async function start(): Promise<void> {
    src.set({ main: "1", model: LARGE });
    target.start({ files: [src] });
    await target.until(() => seen()["main"] === "1");
    expect(seen()).toEqual({ main: "1" });
  }

  test("small files of the first snapshot arrive before it, and the target is synced only with it", async () => {
    await start();
    expect(target.worker.status).toBe("syncing");
    expect(target.worker.idle).toBe(false);
    expect(target.container.root("src").marker?.tree).toBe("");
    arrive();
    await target.until(target.synced(1));
    expect(seen()).toEqual({ main: "1", model: LARGE });
    expect(target.container.root("src").marker?.tree).toBe(src.tree?.digest);
    expect(target.events.filter((event) => event.startsWith("synced "))).toEqual(["synced src g1 +2 -0"]);
    expect(target.container.openSessions).toBe(1);
  });

  test("saves of small files overtake it", async () => {
    await start();
    for (const main of ["2", "3", "4"]) {
      src.set({ main, model: LARGE });
      await target.until(() => seen()["main"] === main);
      expect(seen()).toEqual({ main });
      expect(target.worker.status).toBe("syncing");
      expect(target.worker.snapshot).toBeUndefined();
    }
    arrive();
    await target.until(target.synced(4));
    expect(seen()).toEqual({ main: "4", model: LARGE });
    expect(commits().filter((line) => line.includes("model"))).toEqual(["commit src file model"]);
  });

  test("commands run once it is there", async () => {
    src.set({ main: "1", model: LARGE });
    target.start({ files: [src], actions: [{ timeout: 1_000, when: ["main"], command: "reload" }] });
    await target.until(() => seen()["main"] === "1");
    src.set({ main: "2", model: LARGE });
    await target.until(() => seen()["main"] === "2");
    expect(target.container.root("src").marker?.owed).toEqual(["main"]);
    expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual([]);
    arrive();
    await target.until(target.synced(2));
    await target.until(() => target.events.includes("run reload 0"));
    expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual(["run reload"]);
  });

  test("an old large file stays until the new one is there", async () => {
    arrive();
    src.set({ main: "1", model: LARGE });
    target.start({ files: [src] });
    await target.until(target.synced(1));
    hold();
    src.set({ main: "2", "model.old": LARGE });
    await target.until(() => seen()["main"] === "2");
    expect(seen()).toEqual({ main: "2", model: LARGE });
    arrive();
    await target.until(target.synced(2));
    expect(seen()).toEqual({ main: "2", "model.old": LARGE });
  });

  test("it is given up when a newer snapshot does not have it", async () => {
    await start();
    src.set({ main: "2" });
    await target.until(target.synced(2));
    expect(seen()).toEqual({ main: "2" });
    expect(target.worker.idle).toBe(true);
    expect(target.events.filter((event) => event.startsWith("retry"))).toEqual([]);
  });

  test("it is given up when it is what the container has again", async () => {
    arrive();
    src.set({ main: "1", model: OTHER });
    target.start({ files: [src] });
    await target.until(target.synced(1));
    hold();
    src.set({ main: "2", model: LARGE });
    await target.until(() => seen()["main"] === "2");
    src.set({ main: "2", model: OTHER });
    await target.until(target.synced(3));
    expect(seen()).toEqual({ main: "2", model: OTHER });
    expect(target.worker.idle).toBe(true);
  });

  test("a small file that takes its place arrives at once, and is not overwritten by it", async () => {
    await start();
    src.set({ main: "1", model: "small" });
    await target.until(target.synced(2));
    arrive();
    expect(seen()).toEqual({ main: "1", model: "small" });
  });

  test("a folder that takes its place arrives", async () => {
    await start();
    src.set({ main: "1", "model/a": "1" });
    await target.until(target.synced(2));
    expect(seen()).toEqual({ main: "1", "model/a": "1" });
  });

  test("it arrives although it changes meanwhile, and its next version follows", async () => {
    await start();
    src.set({ main: "2", model: OTHER });
    await target.until(() => seen()["main"] === "2");
    arrive();
    await target.until(target.synced(2));
    expect(seen()).toEqual({ main: "2", model: OTHER });
    expect(commits().filter((line) => line.includes("model"))).toHaveLength(2);
  });

  test("a lost connection is retried, and everything arrives", async () => {
    await start();
    target.container.breakConnection();
    src.set({ main: "2", model: LARGE });
    await target.until(() => seen()["main"] === "2");
    expect(target.worker.status).not.toBe("synced");
    arrive();
    await target.until(target.synced(2));
    expect(seen()).toEqual({ main: "2", model: LARGE });
  });

  test("a failure that needs the user does not keep small files away", async () => {
    src.set({ main: "1", model: LARGE });
    arrive();
    target.container.failBackground = new KinsyncError("KINSYNC_TARGET_FULL", "the disk is full", {
      retry: "terminal",
    });
    target.start({ files: [src] });
    await target.until(() => target.worker.status === "failed");
    expect(seen()).toEqual({ main: "1" });
    src.set({ main: "2", model: LARGE });
    await target.until(() => seen()["main"] === "2");
    await target.until(() => target.worker.status === "failed");
    target.container.failBackground = undefined;
    target.worker.retryNow();
    await target.until(target.synced(2));
    expect(seen()).toEqual({ main: "2", model: LARGE });
  });

  test("a gang gets everything in one commit", async () => {
    target.isGang = true;
    src.set({ main: "1", model: LARGE });
    target.start({ files: [src] });
    await target.until(target.synced(1));
    expect(commits()).toEqual(["commit src file main, file model"]);
  });

  test("a transport that cannot be overtaken gets everything in one commit", async () => {
    target.capabilities = { ...ALL_CAPABILITIES, overtaking: false };
    src.set({ main: "1", model: LARGE });
    target.start({ files: [src] });
    await target.until(target.synced(1));
    expect(commits()).toEqual(["commit src file main, file model"]);
  });

  test("other roots of its session are claimed before it is sent", async () => {
    const other = target.files("other", { to: "/other" });
    src.set({ main: "1", model: LARGE });
    other.set({ a: "1" });
    target.start({ files: [src, other] });
    await target.until(() => target.container.seen("other")["a"] === "1");
    expect(seen()).toEqual({ main: "1" });
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(seen()).toEqual({ main: "1", model: LARGE });
  });

  test("in a root with a session of its own, saves overtake it, and the target rests until it arrives", async () => {
    target.largeRootBytes = LARGE_BYTES;
    const other = target.files("other", { to: "/other" });
    src.set({ main: "1", model: LARGE });
    other.set({ a: "1" });
    target.start({ files: [src, other] });
    await target.until(() => seen()["main"] === "1" && target.container.seen("other")["a"] === "1");
    expect(target.container.openSessions).toBe(2);
    const { length } = target.container.log;
    // A target that compared again and again would leave no turn to this timer.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(target.container.log).toHaveLength(length);
    src.set({ main: "2", model: LARGE });
    await target.until(() => seen()["main"] === "2");
    expect(target.worker.status).toBe("syncing");
    arrive();
    await target.until(() => target.worker.status === "synced");
    expect(seen()).toEqual({ main: "2", model: LARGE });
  });
});
