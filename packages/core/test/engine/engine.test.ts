import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mapping } from "../support/mapping.ts";
import { PODS } from "../support/objects.ts";
import { KinsyncError } from "../../src/errors/error.ts";
import { containerPath } from "../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../src/mapping/mapping.ts";
import { advance, Environment, useVirtualClock, type MemberSpec } from "./support/environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const member = (name: string, parts: Partial<MemberSpec> = {}): MemberSpec => ({
  name,
  state: "current",
  teams: ["train"],
  isRunning: true,
  life: 1,
  restarts: 0,
  ...parts,
});

const key = (each: ResolvedMapping, isFile = false): string => containerPath(each, isFile).key;

describe("an engine", () => {
  test("a pod that goes current, kept, current gets the files of both mappings again", async () => {
    const a = mapping("a", { states: ["current"] });
    const b = mapping("b", { states: ["current", "kept"] });
    const environment = new Environment({ workloads: { train: [a, b] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    environment.source(b).save({ f: "1" });
    await advance(1_000);
    const seen = () => [
      environment.container(member("p")).seen(key(a)),
      environment.container(member("p")).seen(key(b)),
    ];
    expect(seen()).toEqual([{ f: "1" }, { f: "1" }]);

    environment.put(member("p", { state: "kept" }));
    await advance(1_000);
    environment.source(a).save({ f: "2" });
    environment.source(b).save({ f: "2" });
    await advance(1_000);
    expect(seen()).toEqual([{ f: "1" }, { f: "2" }]);

    environment.put(member("p", { state: "current" }));
    await advance(1_000);
    expect(seen()).toEqual([{ f: "2" }, { f: "2" }]);
    environment.source(a).save({ f: "3" });
    await advance(1_000);
    expect(seen()).toEqual([{ f: "3" }, { f: "2" }]);
    expect(environment.engine.view().workloads[0]?.targets).toMatchObject([{ status: "synced", snapshot: 3 }]);
    await environment.end();
  });

  test("one save that touches two mappings is one snapshot", async () => {
    const a = mapping("a");
    const b = mapping("b");
    const environment = new Environment({ workloads: { train: [a, b] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    environment.source(b).save({ f: "1" });
    await advance(1_000);
    environment.source(a).save({ f: "2" });
    await advance(2);
    environment.source(b).save({ f: "2", g: "2" });
    await advance(1_000);
    const snapshots = environment.events.filter(({ event }) => event === "snapshot");
    expect(snapshots).toMatchObject([
      { snapshot: 1, changed: 2 },
      { snapshot: 2, changed: 3, paths: ["f", "f", "g"], mappings: [{ mapping: "a" }, { mapping: "b" }] },
    ]);
    await environment.end();
  });

  test("a mapping that never comes to rest does not delay its own saves", async () => {
    const a = mapping("a");
    const b = mapping("b");
    const environment = new Environment({ workloads: { train: [a, b] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    environment.source(b).save({ f: "1" });
    await advance(1_000);
    environment.source(a).neverRests = true;
    environment.source(a).save({ f: "2" });
    await advance(10);
    expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "2" });
    await environment.end();
  });

  test("the view and the outcome stay true after the run", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] }, mode: "once" });
    environment.put(member("p"));
    environment.put(member("q", { state: "superseded" }));
    environment.run();
    environment.source(a).save({ f: "1" });
    const { outcome, summaries } = await environment.ended();
    expect(outcome).toMatchObject({ isDone: true, exitCode: 0, problem: undefined });
    expect(summaries).toMatchObject([{ members: 2, targets: 1, synced: 1 }]);
    expect(environment.engine.view().workloads).toMatchObject([
      { name: "team/train", snapshot: 1, targets: [{ pod: "p", status: "synced", snapshot: 1 }] },
    ]);
  });

  test("a single run succeeds without the right to watch, and the missing right is a note", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] }, mode: "once" });
    environment.cluster.setFailure(PODS, "watch-forbidden");
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    const { outcome } = await environment.ended();
    expect(outcome).toMatchObject({ exitCode: 0, problem: undefined });
    expect(environment.events).toContainEqual(
      expect.objectContaining({ event: "note", code: "KINSYNC_CLUSTER_FORBIDDEN" }),
    );
  });

  test("two mappings that land on one path in the container are refused, when one path is relative", async () => {
    const a = mapping("a", { to: "/both" });
    const b = mapping("b", { to: "both" });
    const environment = new Environment({ workloads: { train: [a, b] }, mode: "once" });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ x: "a" });
    environment.source(b).save({ x: "b" });
    const { outcome } = await environment.ended();
    expect(outcome.exitCode).toBe(3);
    expect(environment.engine.view().workloads[0]?.targets).toMatchObject([
      { status: "failed", reason: expect.stringContaining("both write /both") },
    ]);
    expect(environment.container(member("p")).roots.size).toBe(0);
  });

  test("of an absolute and a relative mapping that nest, the more specific one has its folder to itself", async () => {
    const outer = mapping("outer", { to: "/app" });
    const inner = mapping("inner", { to: "app/conf" });
    const environment = new Environment({ workloads: { train: [outer, inner] } });
    environment.put(member("p"));
    environment.run();
    environment.source(outer).save({ f: "1", "conf/": "", "conf/x": "outer" });
    environment.source(inner).save({ x: "inner" });
    await advance(1_000);
    expect(environment.container(member("p")).seen(key(outer))).toEqual({ f: "1" });
    expect(environment.container(member("p")).seen(key(inner))).toEqual({ x: "inner" });
    await environment.end();
  });

  test("a run whose target another run took over reports every save that is not sent", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    await advance(1_000);
    const root = environment.container(member("p")).root(key(a));
    if (root.marker !== undefined) {
      root.marker = { ...root.marker, runId: "other", owner: "root@bar", since: "2026-02-01T00:00:00.000Z" };
    }
    environment.source(a).save({ f: "2" });
    await advance(1_000);
    environment.source(a).save({ f: "3" });
    await advance(1_000);
    const halted = environment.events.filter(({ event }) => event === "halted");
    expect(halted).toMatchObject([
      { pod: "p", code: "KINSYNC_TARGET_TAKEN", reason: expect.stringContaining("root@bar") },
      { pod: "p", code: "KINSYNC_TARGET_TAKEN", hint: expect.stringContaining("not sent") },
    ]);
    expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "1" });
    await environment.end();
  });

  test("events name the role and index that a member has now", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] } });
    environment.put(member("p", { role: "canary", index: "0" }));
    environment.run();
    environment.source(a).save({ f: "1" });
    await advance(1_000);
    environment.put(member("p", { role: "stable", index: "1" }));
    await advance(1_000);
    environment.source(a).save({ f: "2" });
    await advance(1_000);
    const synced = environment.events.filter(({ event }) => event === "synced");
    expect(synced).toMatchObject([
      { role: "canary", index: "0" },
      { role: "stable", index: "1" },
    ]);
    await environment.end();
  });

  test("indexes and roles that no member has are noted, and end a single run with their code", async () => {
    const a = mapping("a", { indexes: ["7"], roles: ["haed"] });
    const environment = new Environment({ workloads: { train: [a] }, mode: "once" });
    environment.put(member("p", { role: "head", index: "0/0" }));
    environment.run();
    environment.source(a).save({ f: "1" });
    const { outcome } = await environment.ended();
    expect(outcome.problem).toMatchObject({ code: "KINSYNC_RESOLVE_ROLE", hint: "Did you mean head?" });
    const codes = environment.events.flatMap((event) => (event.event === "note" ? [event.code] : []));
    expect(codes).toEqual(expect.arrayContaining(["KINSYNC_RESOLVE_ROLE", "KINSYNC_RESOLVE_INDEX"]));
  });

  test("a mapping with labels serves the members that have them now", async () => {
    const active = mapping("a", { labels: { side: ["active"] } });
    const all = mapping("b");
    const environment = new Environment({ workloads: { train: [active, all] } });
    environment.put(member("p", { side: "active" }));
    environment.put(member("q", { side: "preview" }));
    environment.run();
    environment.source(active).save({ f: "1" });
    environment.source(all).save({ g: "1" });
    await advance(1_000);
    const seen = (name: string) => environment.container(member(name)).seen(key(active));
    expect([seen("p"), seen("q")]).toEqual([{ f: "1" }, {}]);
    expect(environment.container(member("q")).seen(key(all))).toEqual({ g: "1" });

    environment.put(member("p", { side: "retired" }));
    environment.put(member("q", { side: "active" }));
    await advance(1_000);
    environment.source(active).save({ f: "2" });
    await advance(1_000);
    expect([seen("p"), seen("q")]).toEqual([{ f: "1" }, { f: "2" }]);
    await environment.end();
  });

  test("a label that no member has is noted and ends a single run; a value that no member has now does not", async () => {
    const misspelt = mapping("a", { labels: { sied: ["active"] } });
    const later = mapping("b", { labels: { side: ["preview"] } });
    const environment = new Environment({ workloads: { train: [misspelt, later] }, mode: "once" });
    environment.put(member("p", { side: "active" }));
    environment.run();
    environment.source(misspelt).save({ f: "1" });
    environment.source(later).save({ f: "1" });
    const { outcome } = await environment.ended();
    expect(outcome).toMatchObject({
      exitCode: 2,
      problem: {
        code: "KINSYNC_RESOLVE_LABEL",
        hint: "Did you mean side?",
        details: { wanted: "sied", known: ["side"] },
      },
    });
    const codes = environment.events.flatMap((event) => (event.event === "note" ? [event.code] : []));
    expect(codes.filter((code) => code === "KINSYNC_RESOLVE_LABEL")).toHaveLength(1);
  });

  test("a session is opened with the options and the mapped roots of its mappings; other options have a session of their own", async () => {
    const plain = mapping("a");
    const one = mapping("b", { transportOptions: { port: 1 } });
    const same = mapping("c", { transportOptions: { port: 1 } });
    const other = mapping("d", { transportOptions: { port: 2 } });
    const mappings = [plain, one, same, other];
    const environment = new Environment({ workloads: { train: mappings } });
    environment.run();
    for (const each of mappings) environment.source(each).save({ f: "1" });
    await advance(1_000);
    environment.put(member("p"));
    await advance(1_000);
    const opened = environment.opened.map(({ options, roots }) => ({ options, roots: roots?.map(({ path }) => path) }));
    expect(opened).toEqual([
      { options: {}, roots: ["/a"] },
      { options: { port: 1 }, roots: ["/b", "/c"] },
      { options: { port: 2 }, roots: ["/d"] },
    ]);
    for (const each of mappings) expect(environment.container(member("p")).seen(key(each))).toEqual({ f: "1" });
    await environment.end();
  });

  test("a local file that changes while it is sent costs a retry, not the session", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    await advance(1_000);
    const { sessions } = environment.container(member("p"));
    environment.source(a).breakContent();
    environment.source(a).save({ f: "2" });
    await advance(1_000);
    environment.source(a).save({ f: "3" });
    await advance(1_000);
    expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "3" });
    expect(environment.container(member("p")).sessions).toBe(sessions);
    expect(environment.events.filter(({ event }) => event === "failed" || event === "retry")).toEqual([]);
    await environment.end();
  });

  test("the command trigger retries a failed target at once, and rescan settles", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    await advance(1_000);
    environment.container(member("p")).failNext("commit", new KinsyncError("KINSYNC_TARGET_DENIED", "not writable"));
    environment.source(a).save({ f: "2" });
    await advance(60_000);
    expect(environment.engine.view().workloads[0]?.targets).toMatchObject([{ status: "failed" }]);
    environment.engine.commands.trigger();
    await advance(10);
    expect(environment.engine.view().workloads[0]?.targets).toMatchObject([{ status: "synced" }]);
    await environment.engine.commands.rescan();
    await environment.end();
  });

  test("every event of workloads with one name in two namespaces has the namespace", async () => {
    const a = mapping("a");
    const environment = new Environment({ workloads: { train: [a] } });
    environment.put(member("p"));
    environment.run();
    environment.source(a).save({ f: "1" });
    await advance(1_000);
    await environment.end();
    expect(environment.events.every(({ namespace }) => namespace === "ml")).toBe(true);
  });
});
