import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { ArchivePool } from "../../../src/sync/archive/archive-pool.ts";
import { actionsDue } from "../../../src/sync/actions/due.ts";
import type { DesiredRoot, DesiredState } from "../../../src/sync/target/desired-state.ts";
import { Worker } from "../../../src/sync/target/worker.ts";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import type { TransportCapabilities } from "../../../src/contract/capabilities.ts";
import type { Origin } from "../../../src/contract/inventory.ts";
import type { ContentStore } from "../../../src/mapping/content-store.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { ALL_CAPABILITIES } from "../../support/capabilities.ts";
import { mapping } from "../../support/mapping.ts";
import { createTree, type Tree, type TreeEntry } from "../../../src/mapping/tree.ts";
import { MemoryContainer } from "../../support/memory-container.ts";

let archives: ArchivePool;
let container: MemoryContainer;
let worker: Worker | undefined;
let events: string[];
let changed: PromiseWithResolvers<void>;
let onSynced: () => void;
let mayDelete: (mapping: string, paths: readonly string[]) => boolean;

beforeEach(() => {
  capabilities = ALL_CAPABILITIES;
  archives = new ArchivePool();
  container = new MemoryContainer();
  events = [];
  changed = Promise.withResolvers();
  onSynced = () => {};
  mayDelete = () => true;
});

afterEach(async () => {
  await worker?.[Symbol.asyncDispose]();
  worker = undefined;
  await archives[Symbol.asyncDispose]();
});

/** Local files of one mapping; `set` is a settled save. */
class Files {
  tree: Tree | undefined;
  content: ContentStore = memoryContent([]);
  isIgnored = (_path: string): boolean => false;
  readonly mapping: ResolvedMapping;

  constructor(id: string, options: Partial<ResolvedMapping> = {}) {
    this.mapping = mapping(id, options);
  }

  set(files: Readonly<Record<string, string>>, mode = 0o644): void {
    const bytes = Object.values(files).map((content) => Buffer.from(content));
    this.content = memoryContent(bytes);
    this.tree = createTree(
      "directory",
      Object.entries(files).map(([path, content]): TreeEntry => {
        const digest = createHash("sha256").update(content).digest("hex");
        return { type: "file", path, mode, size: Buffer.byteLength(content), digest };
      }),
    );
    push();
  }
}

/** The mappings of the target under test. */
let mapped: readonly Files[] = [];
let snapshot = 0;
let capabilities: TransportCapabilities = ALL_CAPABILITIES;

function desired(): DesiredState {
  const roots = mapped.flatMap(({ mapping: each, tree, content, isIgnored }): DesiredRoot[] => {
    if (tree === undefined) return [];
    const spec = { path: each.to, shape: "directory", key: each.id, from: each.from } as const;
    return [{ mapping: each, spec, tree, content, settledAt: 0, isExcluded: (path) => isIgnored(path) }];
  });
  return {
    snapshot,
    mappings: mapped.map((each) => each.mapping),
    roots,
    halted: [],
    conflict: undefined,
    key: roots.map(({ mapping: { id }, tree }) => `${id}=${tree.digest}`).join("\n"),
  };
}

function push(): void {
  snapshot += 1;
  worker?.update(desired());
}

interface StartOptions {
  readonly files: readonly Files[];
  readonly runId?: string;
  readonly since?: string;
  readonly force?: boolean;
  readonly host?: string;
  readonly actions?: readonly ResolvedAction[];
}

function start({
  files,
  runId = "me",
  since = "2026-01-01T00:00:00.000Z",
  force = true,
  host,
  actions = [],
}: StartOptions): Worker {
  const tell = (event: string): void => {
    events.push(event);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  mapped = files;
  snapshot = 1;
  worker = new Worker({
    name: "pod/web-0, container main",
    desired: desired(),
    claimant: { runId, since, force, host },
    mayDelete: (root, paths) => mayDelete(root.mapping.id, paths),
    claimed: new Set(),
    archives,
    capabilities: () => capabilities,
    open: () => container.open(runId, since, host),
    actionsDue: (paths) => actionsDue(actions, "head", paths),
    retry: { min: 1, max: 2 },
    listener: {
      onStatus: (status, reason) => tell(`${status}: ${reason}`),
      onSynced: (root, held, done) => {
        tell(`synced ${root.mapping.id} g${held} +${done.files} -${done.deleted}`);
        onSynced();
      },
      onRetry: (error) => tell(`retry ${error.code}`),
      onProgress: () => {},
      onRun: (action, result) =>
        tell(`run ${String(action.command)} ${"exitCode" in result ? result.exitCode : result.code}`),
      onDeletes: (root, error, deletes) => tell(`deletes ${root.mapping.id} ${deletes.paths.join()}: ${error.message}`),
      onNote: (_code, text) => tell(`note ${text}`),
      onSession: () => {},
      onChange: () => tell("change"),
    },
  });
  return worker;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await changed.promise;
}

const synced = (snapshot: number) => (): boolean =>
  worker?.status === "synced" && events.some((event) => event.startsWith("synced ") && event.includes(`g${snapshot} `));

describe("a worker", () => {
  test("brings an empty container to the tree, then only what differs", async () => {
    const files = new Files("src");
    files.set({ a: "1", b: "2" });
    start({ files: [files] });
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1", b: "2" });
    files.set({ a: "1", b: "3" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ a: "1", b: "3" });
    expect(container.log.filter((line) => line.startsWith("commit"))).toEqual([
      "commit src file a, file b",
      "commit src file b",
    ]);
  });

  test("sends nothing where the container holds the tree already, and says that it is there", async () => {
    container.put("src", "a", "1");
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    expect(events).toContain("synced src g1 +0 -0");
    expect(container.root("src").marker?.tree).toBe(files.tree?.digest);
  });

  test("deletes what it placed and what it found equal, and nothing else", async () => {
    container.put("src", "equal", "1");
    container.put("src", "foreign", "x");
    const files = new Files("src");
    files.set({ equal: "1", mine: "2" });
    start({ files: [files] });
    await until(synced(1));
    files.set({ other: "3" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ foreign: "x", other: "3" });
  });

  test("deletes what an earlier run placed, by the manifest", async () => {
    container.put("src", "old", "1");
    container.root("src").placed.add("old");
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1" });
    expect([...container.root("src").placed]).toEqual(["a"]);
  });

  test("makes one batch of all saves that settle while one is on its way", async () => {
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    const gate = Promise.withResolvers<void>();
    container.gate = gate.promise;
    for (let save = 2; save <= 11; save += 1) files.set({ a: String(save) });
    gate.resolve();
    await until(() => worker?.status === "synced" && container.seen("src").a === "11");
    // The first tree, the one that was on its way, and the last of all that settled meanwhile.
    expect(container.log.filter((line) => line.startsWith("commit")).length).toBeLessThanOrEqual(3);
  });

  test("catches a restarted container up from nothing", async () => {
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    container.restart();
    events.length = 0;
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1" });
    expect(container.sessions).toBe(2);
  });

  test("takes stock again after a lost acknowledgement, whether the batch arrived or not", async () => {
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    container.failNext("commit", new KinsyncError("KINSYNC_TARGET_LOST", "no answer"));
    files.set({ a: "2" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ a: "2" });
    expect(events).toContain("retry KINSYNC_TARGET_LOST");
    expect(container.log.filter((line) => line.startsWith("inventory")).length).toBeGreaterThanOrEqual(2);
  });

  test("is failed by what needs the user, tries nothing more, and tries again with the next save", async () => {
    container.failNext("commit", new KinsyncError("KINSYNC_TARGET_DENIED", "not yours"));
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "failed" && worker.idle);
    expect(worker?.reason).toBe("not yours");
    worker?.enqueue();
    files.set({ a: "2" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ a: "2" });
  });

  test("leaves the process free to do other things after a failure that ended its session", async () => {
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    container.failNext("claim", new KinsyncError("KINSYNC_TARGET_FULL", "no room", { retry: "terminal" }));
    container.breakConnection();
    await until(() => worker?.status === "failed");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(worker?.idle).toBe(true);
  });

  test("goes on trying where trying may help", async () => {
    const lost = new KinsyncError("KINSYNC_TARGET_LOST", "refused");
    container.failNext("open", lost, lost, lost, lost, lost);
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    expect(events.filter((event) => event.startsWith("retry")).length).toBe(5);
  });

  test("serves its other mappings where one needs the user", async () => {
    const good = new Files("good");
    const bad = new Files("bad");
    good.set({ a: "1" });
    bad.set({ d: "1" });
    container.root("bad").files.set("d", { type: "directory", path: "d", mode: 0o755 });
    start({ files: [bad, good] });
    await until(() => worker?.status === "failed");
    expect(container.seen("good")).toEqual({ a: "1" });
    expect(worker?.reason).toContain("/bad/d is a directory that kinsync did not create");
  });

  test("halts for good when a later run took the root over, and names it", async () => {
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    const other = await container.open("other", "2026-01-02T00:00:00.000Z");
    await other.claim(
      { path: "/src", shape: "directory", key: "src" },
      { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) },
    );
    files.set({ a: "2" });
    await until(() => worker?.status === "halted");
    files.set({ a: "3" });
    expect(container.seen("src")).toEqual({ a: "1" });
  });

  test("begins anew where it was an earlier session of its own run that took the root", async () => {
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    container.failNext("commit", new KinsyncError("KINSYNC_TARGET_TAKEN", "taken over"));
    files.set({ a: "2" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ a: "2" });
    expect(events).toContain("retry KINSYNC_TARGET_LOST");
  });

  test("leaves a pod that came later to the later run", async () => {
    const other = await container.open("other", "2026-01-02T00:00:00.000Z");
    await other.claim(
      { path: "/src", shape: "directory", key: "src" },
      { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) },
    );
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files], force: false });
    await until(() => worker?.status === "halted");
    expect(worker?.reason).toContain("owner of other");
    expect(container.seen("src")).toEqual({});
  });

  test("with trust sends nothing at first contact, and verifies after a lost connection", async () => {
    container.put("src", "a", "stale");
    const files = new Files("src", { initial: "trust" });
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "synced");
    expect(container.seen("src")).toEqual({ a: "stale" });
    container.breakConnection();
    await until(() => container.seen("src").a === "1");
  });

  test("with full sends everything at first contact", async () => {
    container.put("src", "a", "1");
    const files = new Files("src", { initial: "full" });
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    expect(events).toContain("synced src g1 +1 -0");
  });

  test("with mirror deletes what it did not create", async () => {
    container.put("src", "foreign", "x");
    const files = new Files("src", { mirror: true });
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1" });
  });

  test("removes thousands of files in bounded batches", async () => {
    const files = new Files("src");
    files.set(Object.fromEntries(Array.from({ length: 4_500 }, (_, index) => [`f${index}`, "x"])));
    start({ files: [files] });
    await until(synced(1));
    files.set({ last: "1" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ last: "1" });
    expect(container.log.filter((line) => line.startsWith("commit")).length).toBe(4);
  });

  test("runs a command after a commit that touched its paths, in its roles, and tells the exit code", async () => {
    container.runExitCode = 3;
    const files = new Files("src");
    files.set({ "requirements.txt": "1", a: "1" });
    const actions: ResolvedAction[] = [
      { timeout: 1_000, when: ["requirements.txt"], command: ["pip", "install"] },
      { timeout: 1_000, when: ["*.go"], command: "go build" },
      { timeout: 1_000, when: ["requirements.txt"], command: "workers only", roles: ["worker"] },
    ];
    start({ files: [files], actions });
    await until(() => events.includes("run pip,install 3"));
    events.length = 0;
    files.set({ "requirements.txt": "1", a: "2" });
    await until(synced(2));
    await until(() => worker?.idle === true);
    expect(container.log.filter((line) => line.startsWith("run"))).toEqual(["run pip,install"]);
  });

  test("reports that it is idle once its last command ended, and tells no status that did not change", async () => {
    const files = new Files("app");
    files.set({ a: "1" });
    container.runExitCode = 3;
    start({ files: [files], actions: [{ timeout: 1_000, when: ["a"], command: "reload" }] });
    await until(() => events.includes("run reload 3"));
    const told = events.indexOf("run reload 3");
    await until(() => worker?.idle === true && events.slice(told).includes("change"));
    expect(events.filter((event) => event.startsWith("synced:"))).toEqual(["synced: holds the newest snapshot"]);
  });

  test("reports that it is idle, also where it was poked while only the user can change anything", async () => {
    container.failNext("commit", new KinsyncError("KINSYNC_TARGET_DENIED", "not yours"));
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "failed" && worker.idle);
    const told = events.length;
    worker?.enqueue();
    expect(worker?.idle).toBe(false);
    await until(() => events.slice(told).includes("change"));
    expect(worker?.idle).toBe(true);
    expect(worker?.status).toBe("failed");
  });

  test("opens one session for a command and a save that both find the last one lost", async () => {
    container.runExitCode = 0;
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
    await until(() => events.includes("run x 0"));
    events.length = 0;
    // The save is carried, then its command and the next save meet a lost connection at once.
    onSynced = () => {
      onSynced = () => {};
      container.breakConnection();
      files.set({ a: "3" });
    };
    files.set({ a: "2" });
    await until(synced(3));
    await until(() => worker?.idle === true);
    const opened = container.opened;
    await worker?.[Symbol.asyncDispose]();
    expect(opened.length).toBeGreaterThan(1);
    const ends = await Promise.all(
      opened.map((session) => Promise.race([session.ended, Promise.resolve("left open" as const)])),
    );
    expect(ends).not.toContain("left open");
  });

  test("is accepted, and not idle, until what was handed over is visible", async () => {
    const visible = Promise.withResolvers<void>();
    capabilities = { ...ALL_CAPABILITIES, acknowledges: "accepted" };
    container.becomesVisible = visible.promise;
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "accepted");
    expect(worker?.idle).toBe(false);
    visible.resolve();
    await until(() => worker?.status === "synced" && worker.idle);
  });

  test("is stale and sends again where what was handed over cannot become visible", async () => {
    const lost = new KinsyncError("KINSYNC_TARGET_TIMEOUT", "it never became visible");
    capabilities = { ...ALL_CAPABILITIES, acknowledges: "accepted" };
    container.becomesVisible = Promise.reject(lost);
    container.becomesVisible.catch(() => {});
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => events.includes("retry KINSYNC_TARGET_TIMEOUT"));
    container.becomesVisible = undefined;
    await until(() => worker?.idle === true && worker.status !== "stale");
    expect(container.seen("src")).toEqual({ a: "1" });
  });

  test("stays accepted where the transport never reports more", async () => {
    capabilities = { ...ALL_CAPABILITIES, acknowledges: "accepted" };
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "accepted" && worker.idle);
    expect(worker?.reason).toContain("does not report");
  });

  test("fails with the path where the transport creates no folders", async () => {
    capabilities = { ...ALL_CAPABILITIES, links: false, maxBytes: 2 };
    const files = new Files("src");
    files.set({ a: "123" });
    start({ files: [files] });
    await until(() => worker?.status === "failed");
    expect(worker?.reason).toContain("cannot hold 3 bytes");
    expect(container.roots.size).toBe(0);
  });

  test("neither compares nor changes modes where the transport carries none", async () => {
    capabilities = { ...ALL_CAPABILITIES, modes: false };
    container.put("src", "a", "1", 0o600);
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    expect(events).toContain("synced src g1 +0 -0");
  });

  test("does not repeat a command that failed", async () => {
    container.failNext("run", new KinsyncError("KINSYNC_TARGET_LOST", "gone"));
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
    await until(() => events.includes("run x KINSYNC_TARGET_LOST"));
    expect(container.log.filter((line) => line.startsWith("run"))).toEqual([]);
  });

  test("halts before anything is sent where mirror would delete foreign files without consent, and goes on with it", async () => {
    container.put("src", "foreign", "xyz");
    mayDelete = () => false;
    const files = new Files("src", { mirror: true });
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "halted" && worker.idle);
    expect(container.seen("src")).toEqual({ foreign: "xyz" });
    expect(container.log.filter((line) => line.startsWith("commit"))).toEqual([]);
    expect(worker?.reason).toBe(
      "pod/web-0, container main: `mirror: true` would delete 1 entry that kinsync did not create, in /src: foreign",
    );
    expect(events).toContain(`deletes src foreign: ${worker?.reason}`);
    mayDelete = () => true;
    worker?.retryNow();
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1" });
  });

  test("serves its other mappings while one waits for consent", async () => {
    container.put("one", "foreign", "x");
    mayDelete = () => false;
    const one = new Files("one", { mirror: true });
    const two = new Files("two");
    one.set({ a: "1" });
    two.set({ a: "1" });
    start({ files: [one, two] });
    await until(() => worker?.status === "halted");
    expect(container.seen("two")).toEqual({ a: "1" });
  });

  test("deletes nothing of a mounted volume, and notes it once", async () => {
    container.put("src", "data/rows", "x");
    container.put("src", "foreign", "x");
    container.root("src").mounts = ["data"];
    const files = new Files("src", { mirror: true });
    files.set({ a: "1" });
    start({ files: [files] });
    await until(synced(1));
    files.set({ b: "1" });
    await until(synced(2));
    expect(container.seen("src")).toEqual({ "data/rows": "x", b: "1" });
    expect(events.filter((event) => event.startsWith("note"))).toEqual([
      "note src: other file systems are mounted below /src, where `mirror` deletes nothing: data",
    ]);
  });

  test("does not claim a root whose files of another folder's run it would delete", async () => {
    await claimFrom({ host: "laptop", folder: "/other" });
    container.put("src", "theirs", "x");
    container.put("src", "image", "x");
    container.root("src").placed.add("theirs");
    mayDelete = () => false;
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files], host: "laptop" });
    await until(() => worker?.status === "halted" && worker.idle);
    expect(worker?.reason).toContain("this run would delete 1 entry that came from /other on laptop, in /src: theirs");
    expect(container.root("src").marker?.runId).toBe("other");
    expect(container.seen("src")).toEqual({ image: "x", theirs: "x" });
    mayDelete = (_, paths) => paths.join() === "theirs";
    worker?.retryNow();
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1", image: "x" });
  });

  test.each([
    ["the same folder", { host: "laptop", folder: "/local/src" }],
    ["a folder that is not known", undefined],
  ])("deletes without a question what a run from %s placed", async (_, origin) => {
    await claimFrom(origin);
    container.put("src", "old", "x");
    container.root("src").placed.add("old");
    mayDelete = () => false;
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files], host: "laptop" });
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1" });
  });

  test("takes over without a question where nothing of the other folder's run is deleted", async () => {
    await claimFrom({ host: "desktop", folder: "/local/src" });
    container.put("src", "a", "0");
    container.root("src").placed.add("a");
    mayDelete = () => false;
    const files = new Files("src");
    files.set({ a: "1", b: "1" });
    start({ files: [files], host: "laptop" });
    await until(synced(1));
    expect(container.seen("src")).toEqual({ a: "1", b: "1" });
    expect(container.root("src").marker?.runId).toBe("me");
  });

  test("does not touch a system folder that a relative path leads to", async () => {
    const files = new Files("src", { to: "usr" });
    files.set({ a: "1" });
    start({ files: [files] });
    await until(() => worker?.status === "failed" && worker.idle);
    expect(worker?.reason).toBe('pod/web-0, container main: `to` of src is "/usr", a system folder');
    expect(container.roots.size).toBe(0);
  });

  test("notes once that a mode cannot be set, and plans it neither again nor after a lost connection", async () => {
    container.put("src", "a", "1", 0o666);
    container.notes = [{ code: "mode", path: "a", message: "its mode cannot be set" }];
    const files = new Files("src");
    files.set({ a: "1" }, 0o755);
    start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
    await until(() => events.includes("run x 0"));
    // The file system ignored it.
    container.put("src", "a", "1", 0o666);
    container.breakConnection();
    await until(() => events.filter((event) => event.startsWith("synced src g1")).length === 2);
    files.set({ a: "1", b: "2" }, 0o755);
    await until(synced(2));
    await until(() => worker?.idle === true);
    expect(container.log.filter((line) => line.startsWith("commit"))).toEqual([
      "commit src chmod a",
      "commit src ",
      "commit src file b",
    ]);
    expect(container.log.filter((line) => line.startsWith("run"))).toHaveLength(2);
    expect(events.filter((event) => event.startsWith("note"))).toEqual([
      "note pod/web-0, container main: its mode cannot be set",
    ]);
  });

  test("starts no command for a mode that is not compared", async () => {
    container.put("src", "a", "1", 0o600);
    const files = new Files("src");
    files.set({ a: "1" });
    start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
    await until(synced(1));
    await until(() => worker?.idle === true);
    expect(events).toContain("synced src g1 +0 -0");
    expect(container.log.filter((line) => line.startsWith("run"))).toEqual([]);
  });
});

/** Another run claims /src with these files' origin, and ends. */
async function claimFrom(origin: Origin | undefined): Promise<void> {
  const other = await container.open("other", "2025-12-31T00:00:00.000Z", origin?.host);
  const spec = {
    path: "/src",
    shape: "directory",
    key: "src",
    ...(origin === undefined ? {} : { from: origin.folder }),
  } as const;
  await other.claim(spec, { snapshot: 1, tree: "", signal: AbortSignal.timeout(1_000) });
}
