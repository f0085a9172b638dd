import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mapping } from "../support/mapping.ts";
import { advance, Environment, key, member, useVirtualClock } from "./support/environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

test("a pod that goes current, kept, current gets the files of both mappings again", async () => {
  const a = mapping("a", { states: ["current"] });
  const b = mapping("b", { states: ["current", "kept"] });
  const environment = Environment.start([a, b]);
  await advance(1_000);
  const seen = () => [environment.container(member("p")).seen(key(a)), environment.container(member("p")).seen(key(b))];
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
