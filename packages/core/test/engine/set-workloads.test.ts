import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ResolvedWorkload } from "../../src/engine/resolved-workload.ts";
import { mapping } from "../support/mapping.ts";
import { ALL } from "./gang/support/gang-environment.ts";
import { advance, Environment, key, member, useVirtualClock, workloadsOf } from "./support/environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const A = member("a", { teams: ["one"] });
const B = member("b", { teams: ["two"] });

/** Two workloads of one member each, both up to date. */
async function twoWorkloads() {
  const [one, two] = [mapping("one"), mapping("two")];
  const environment = new Environment({ workloads: { one: [one], two: [two] } });
  environment.put(A);
  environment.put(B);
  environment.run();
  for (const each of [one, two]) environment.source(each).save({ f: "1" });
  await advance(1_000);
  const opened = (): readonly string[] => environment.opened.map(({ pod }) => pod?.metadata.name ?? "").sort();
  const set = async (workloads: Parameters<typeof workloadsOf>[0]) => {
    const changes = environment.engine.commands.setWorkloads(workloadsOf(workloads));
    await advance(1_000);
    return await changes;
  };
  return { environment, one, two, opened, set };
}

test("equal settings open no session again", async () => {
  const { environment, one, two, opened, set } = await twoWorkloads();
  const changes = await set({ one: [{ ...one }], two: [{ ...two }] });
  expect(changes).toMatchObject({ started: [], restarted: [], stopped: [], unchanged: [{}, {}] });
  expect(opened()).toEqual(["a", "b"]);
  await environment.end();
});

test("a workload whose object changed in the cluster keeps its sessions", async () => {
  const { environment, one, two, opened } = await twoWorkloads();
  const workloads = workloadsOf({ one: [one], two: [two] });
  // As a project finds them: with the object, whose version is another one by now.
  const found = workloads.map((each) => ({ ...each, found: { root: { metadata: { resourceVersion: "2" } } } }));
  const changing = environment.engine.commands.setWorkloads(found);
  await advance(1_000);
  expect(await changing).toMatchObject({ restarted: [], unchanged: [{}, {}] });
  expect(opened()).toEqual(["a", "b"]);
  await environment.end();
});

test.for<readonly [string, Partial<ResolvedWorkload>]>([
  ["run", { run: [{ command: "make", when: ["*"], timeout: 1_000 }] }],
  ["mode", { mode: "manual" }],
  ["update", { gang: ALL }],
  ["hooks", { hooks: { after: { command: "make", folder: "/", timeout: 1_000 } } }],
  ["rebuild", { rebuild: { command: "make", when: ["Dockerfile"], folder: "/", timeout: 1_000 } }],
])("a workload whose %s changed restarts, and the other one does not", async ([, change]) => {
  const { environment, one, two, opened } = await twoWorkloads();
  const [first, second] = workloadsOf({ one: [one], two: [two] });
  if (first === undefined || second === undefined) throw new Error("two workloads");
  const changing = environment.engine.commands.setWorkloads([{ ...first, ...change }, second]);
  await advance(1_000);
  expect(await changing).toMatchObject({ restarted: [{ name: "team/one" }], unchanged: [{ name: "team/two" }] });
  expect(opened()).toEqual(["a", "b"].flatMap((pod) => (pod === "a" ? [pod, pod] : pod)));
  await environment.end();
});

test("only the workload whose mapping changed gets new sessions, and holds the new files", async () => {
  const { environment, two, opened, set } = await twoWorkloads();
  const moved = mapping("moved");
  const changing = set({ one: [moved], two: [two] });
  await advance(0);
  environment.source(moved).save({ g: "2" });
  expect((await changing).restarted).toEqual([{ name: "team/one", namespace: "ml" }]);
  await advance(1_000);
  expect(opened()).toEqual(["a", "a", "b"]);
  expect(environment.container(A).seen(key(moved))).toEqual({ g: "2" });
  environment.source(two).save({ f: "2" });
  await advance(1_000);
  expect(environment.container(B).seen(key(two))).toEqual({ f: "2" });
  expect(environment.engine.view().workloads.map(({ name }) => name)).toEqual(["team/one", "team/two"]);
  await environment.end();
});

test("a workload that is gone from the settings stops, and a new one starts", async () => {
  const { environment, two, opened, set } = await twoWorkloads();
  environment.createTeam("three");
  environment.put(member("c", { teams: ["three"] }));
  const three = mapping("three");
  const changing = set({ two: [two], three: [three] });
  await advance(0);
  environment.source(three).save({ f: "3" });
  expect(await changing).toMatchObject({
    started: [{ name: "team/three" }],
    stopped: [{ name: "team/one" }],
    unchanged: [{ name: "team/two" }],
  });
  await advance(1_000);
  expect(opened()).toEqual(["a", "b", "c"]);
  expect(environment.container(member("c", { teams: ["three"] })).seen(key(three))).toEqual({ f: "3" });
  const { summaries } = await environment.end();
  expect(summaries.map(({ workload }) => workload)).toEqual(["team/two", "team/three"]);
});

test("a root that was taken from another run is given back at the end, also after the workload was restarted", async () => {
  const one = mapping("one");
  const environment = new Environment({ workloads: { one: [one] } });
  environment.put(A);
  const root = environment.container(A).root(key(one));
  root.marker = {
    format: 1,
    runId: "another",
    owner: "somebody",
    since: "2025-12-31T00:00:00.000Z",
    incarnation: "x",
    snapshot: 1,
    tree: "1",
  };
  environment.run();
  environment.source(one).save({ f: "1" });
  await advance(1_000);
  expect(root.marker).toMatchObject({ runId: "this-run" });
  const changed = { ...one, ignore: ["*.log"] };
  const changing = environment.engine.commands.setWorkloads(workloadsOf({ one: [changed] }));
  await advance(1_000);
  for (const source of environment.sources(one)) source.save({ f: "2" });
  await advance(1_000);
  expect((await changing).restarted).toHaveLength(1);
  await environment.end();
  expect(root.marker).toMatchObject({ runId: "this-run" });
  expect(root.marker?.tree).toMatch(/^released:./);
});
