import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SyncedEvent } from "../../../src/engine/events.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { advance, Environment, member, useVirtualClock, type SharedVolume } from "../support/environment.ts";
import { byText, CODE, code, KEY, start, statuses } from "./support/shared-volume.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const syncedEvents = (environment: Environment): SyncedEvent[] =>
  environment.events.filter((event) => event.event === "synced");

describe("three members with one volume", () => {
  async function running(): Promise<Environment> {
    const environment = start();
    for (const name of ["b", "a", "c"]) environment.put(member(name));
    environment.run();
    environment.source(code).save({ f: "1", g: "1" });
    await advance(2_000);
    return environment;
  }

  test("the files are written once, through the first one, and all three are synced", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced", "c synced"]);
    expect(storage.seen(KEY)).toEqual({ f: "1", g: "1" });
    expect(storage.commits).toEqual([`${KEY} f, g`]);
    expect(storage.claims).toBe(1);
    expect(syncedEvents(environment)).toMatchObject([
      { pod: "a", files: 2, place: "pvc:default/code:/", sharedWith: 2 },
      { files: 0, place: "pvc:default/code:/", sharedWith: 2, through: "pod/a, container main" },
      { files: 0, sharedWith: 2, through: "pod/a, container main" },
    ]);
    expect(
      syncedEvents(environment)
        .map(({ pod }) => pod)
        .toSorted(byText),
    ).toEqual(["a", "b", "c"]);
    const { targets = [] } = environment.engine.view().workloads[0] ?? {};
    expect(targets.find(({ pod }) => pod === "b")?.shared).toEqual([
      { mapping: "code", place: "pvc:default/code:/", sharedWith: 2, members: 3, through: "pod/a, container main" },
    ]);
    expect(await environment.end()).toMatchObject({ outcome: { exitCode: 0 }, summaries: [{ targets: 3, synced: 3 }] });
  });

  test("a minute without changes is silent", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    const { claims, inventories } = storage;
    const before = environment.events.length;
    await advance(60_000, 1_000);
    expect(environment.events.slice(before)).toEqual([]);
    expect(storage).toMatchObject({ claims, inventories });
    await environment.end();
  });

  test("saves and deletes are committed once each", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    environment.source(code).save({ f: "2", g: "1" });
    await advance(1_000);
    environment.source(code).save({ f: "2" });
    await advance(1_000);
    expect(storage.commits).toEqual([`${KEY} f, g`, `${KEY} f`, `${KEY} g`]);
    expect(storage.seen(KEY)).toEqual({ f: "2" });
    expect(syncedEvents(environment).filter(({ snapshot }) => snapshot === 3)).toHaveLength(3);
    await environment.end();
  });

  test("the leader leaves: another one continues, without a second copy of anything", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    environment.remove(member("a"));
    environment.source(code).save({ f: "2", g: "1" });
    await advance(2_000);
    expect(storage.commits).toEqual([`${KEY} f, g`, `${KEY} f`]);
    expect(statuses(environment).toSorted(byText)).toEqual(["b synced", "c synced"]);
    expect(
      environment.events.filter(({ event }) => event === "halted" || event === "retry" || event === "failed"),
    ).toEqual([]);
    await environment.end();
  });

  test("a leader whose session cannot be opened hands over at once, and is a follower when it is back", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    const a = environment.container(member("a"));
    a.failNext("open", ...Array.from({ length: 3 }, () => new KinsyncError("KINSYNC_TARGET_LOST", "no route")));
    a.breakConnection();
    environment.source(code).save({ f: "2", g: "1" });
    await advance(200);
    expect(storage.seen(KEY)).toEqual({ f: "2", g: "1" });
    expect(storage.root(KEY).marker?.incarnation).toBe("uid-b-1");
    await advance(30_000, 1_000);
    expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced", "c synced"]);
    expect(storage.commits).toEqual([`${KEY} f, g`, `${KEY} f`]);
    await environment.end();
  });

  test("a leader that may not write hands over, and all are synced", async () => {
    const environment = start();
    for (const name of ["a", "b", "c"]) environment.put(member(name));
    environment.container(member("a")).failNext("claim", new KinsyncError("KINSYNC_TARGET_DENIED", "not writable"));
    environment.run();
    environment.source(code).save({ f: "1" });
    await advance(2_000);
    expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced", "c synced"]);
    await environment.end();
  });

  test("nobody may write: every member has failed, and names the cause", async () => {
    const environment = start();
    for (const name of ["a", "b", "c"]) {
      environment.put(member(name));
      const refusals = Array.from({ length: 5 }, () => new KinsyncError("KINSYNC_TARGET_DENIED", "not writable"));
      environment.container(member(name)).failNext("claim", ...refusals);
    }
    environment.run();
    environment.source(code).save({ f: "1" });
    await advance(5_000);
    expect(statuses(environment).toSorted(byText)).toEqual(["a failed", "b failed", "c failed"]);
    const reasons = environment.engine.view().workloads.flatMap(({ targets }) => targets.map(({ reason }) => reason));
    expect(reasons.filter((reason) => reason.startsWith("shares its files with pod/"))).toHaveLength(2);
    expect(reasons.every((reason) => reason.endsWith("not writable"))).toBe(true);
    const attempts = environment.events.filter(({ event }) => event === "failed").length;
    await advance(60_000, 1_000);
    expect(environment.events.filter(({ event }) => event === "failed")).toHaveLength(attempts);
    expect(await environment.end()).toMatchObject({ outcome: { exitCode: 3 } });
  });

  test("another run takes the place over: every member stops, and nothing is written any more", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    storage.takeOver("2027-01-01T00:00:00.000Z");
    environment.source(code).save({ f: "mine", g: "1" });
    await advance(30_000, 1_000);
    expect(storage.seen(KEY)).toEqual({ f: "1", g: "1" });
    expect(statuses(environment).toSorted(byText)).toEqual(["a halted", "b halted", "c halted"]);
    environment.put(member("d"));
    await advance(5_000);
    expect(statuses(environment)).toContain("d halted");
    await environment.end();
  });

  test("a member that comes later is synced without anything being sent", async () => {
    const environment = await running();
    const storage = environment.storage(CODE, undefined);
    environment.put(member("0"));
    await advance(2_000);
    expect(statuses(environment)).toContain("0 synced");
    expect(storage).toMatchObject({ claims: 1, commits: [`${KEY} f, g`] });
    await environment.end();
  });

  test("a command runs in every member whose files changed", async () => {
    const run = [{ when: ["*"], roles: undefined, command: ["reload"], timeout: 1_000 }];
    const environment = new Environment({ workloads: { train: [code] }, volumes: [CODE], run: run as never });
    for (const name of ["a", "b"]) environment.put(member(name));
    environment.run();
    environment.source(code).save({ f: "1" });
    await advance(2_000);
    environment.source(code).save({ f: "2" });
    await advance(2_000);
    const runs = environment.events
      .filter(({ event }) => event === "run")
      .map((event) => ("pod" in event ? (event.pod ?? "") : ""));
    expect(runs.toSorted(byText)).toEqual(["a", "a", "b", "b"]);
    await environment.end();
  });
});

test("a volume that differs on each node is written on each node", async () => {
  const volume: SharedVolume = { ...CODE, isPerNode: true };
  const environment = new Environment({ workloads: { train: [code] }, volumes: [volume] });
  for (const [name, node] of [
    ["a", "n1"],
    ["b", "n2"],
    ["c", "n2"],
    ["d", "n1"],
  ] as const)
    environment.put(member(name, { node }));
  environment.run();
  environment.source(code).save({ f: "1" });
  await advance(20_000, 500);
  for (const node of ["n1", "n2"]) {
    expect(environment.storage(volume, node).seen(KEY)).toEqual({ f: "1" });
    expect(environment.storage(volume, node).commits).toHaveLength(1);
  }
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced", "c synced", "d synced"]);
  environment.source(code).save({ f: "2" });
  await advance(1_000);
  for (const node of ["n1", "n2"]) expect(environment.storage(volume, node).seen(KEY)).toEqual({ f: "2" });
  await environment.end();
});

test("a volume out of which a link leads in each pod is written in each pod", async () => {
  const volume: SharedVolume = { ...CODE, isPerPod: true };
  const environment = new Environment({ workloads: { train: [code] }, volumes: [volume] });
  const names = ["a", "b", "c"];
  for (const name of names) environment.put(member(name, { node: "n1" }));
  environment.run();
  environment.source(code).save({ f: "1" });
  await advance(20_000, 500);
  environment.source(code).save({ f: "2" });
  await advance(1_000);
  for (const name of names) {
    expect(environment.storage(volume, name).seen(KEY)).toEqual({ f: "2" });
    expect(environment.storage(volume, name).commits).toHaveLength(2);
  }
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced", "c synced"]);
  await environment.end();
});
