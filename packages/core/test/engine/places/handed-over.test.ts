import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { advance, Environment, member, useVirtualClock } from "../support/environment.ts";
import { byText, CODE, code, statuses } from "./support/shared-volume.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const LEADER = member("a");
const FOLLOWER = member("b");

/** Two members of one volume, whose transport hands files over. */
async function running(): Promise<Environment> {
  const environment = new Environment({ workloads: { train: [code] }, volumes: [CODE], acknowledges: "accepted" });
  environment.put(LEADER);
  environment.put(FOLLOWER);
  environment.run();
  environment.source(code).save({ f: "1" });
  return environment;
}

test("each member that shares a place is synced when the files are visible in itself", async () => {
  const environment = await running();
  const [inLeader, inFollower] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
  environment.container(LEADER).becomesVisible = inLeader.promise;
  environment.container(FOLLOWER).view = () => inFollower.promise;
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a accepted", "b accepted"]);
  inLeader.resolve();
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b accepted"]);
  inFollower.resolve(true);
  await advance(100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced"]);
  await environment.end();
});

test("a member that sees the files before the one that committed them is synced", async () => {
  const environment = await running();
  environment.container(LEADER).becomesVisible = new Promise(() => {});
  environment.container(FOLLOWER).view = () => Promise.resolve(true);
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a accepted", "b synced"]);
  await environment.end();
});

test("a member in which it cannot be known stays accepted, and a run ends with exit code 3", async () => {
  const environment = await running();
  environment.container(LEADER).becomesVisible = Promise.resolve();
  environment.container(FOLLOWER).view = () => Promise.resolve(false);
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b accepted"]);
  const { targets = [] } = environment.engine.view().workloads[0] ?? {};
  expect(targets.find(({ pod }) => pod === "b")?.reason).toContain("cannot be known");
  expect(await environment.end()).toMatchObject({ outcome: { exitCode: 3 } });
});

test("without `seen` of the transport a member follows the one that committed", async () => {
  const environment = await running();
  const inLeader = Promise.withResolvers<void>();
  environment.container(LEADER).becomesVisible = inLeader.promise;
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a accepted", "b accepted"]);
  inLeader.resolve();
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced"]);
  await environment.end();
});

test("a member whose look fails is stale, and looks again", async () => {
  const environment = await running();
  environment.container(LEADER).becomesVisible = Promise.resolve();
  let looks = 0;
  environment.container(FOLLOWER).view = () => {
    looks += 1;
    return looks === 1
      ? Promise.reject(new KinsyncError("KINSYNC_TARGET_LOST", "the session ended"))
      : Promise.resolve(true);
  };
  await advance(10_000, 100);
  expect(looks).toBe(2);
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced"]);
  await environment.end();
});

test("the next save is looked for again in each member", async () => {
  const environment = await running();
  environment.container(LEADER).becomesVisible = Promise.resolve();
  environment.container(FOLLOWER).view = () => Promise.resolve(true);
  await advance(2_000, 100);
  environment.container(FOLLOWER).view = () => new Promise(() => {});
  environment.source(code).save({ f: "2" });
  await advance(2_000, 100);
  expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b accepted"]);
  await environment.end();
});
