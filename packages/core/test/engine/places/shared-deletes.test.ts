import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineOptions } from "../../../src/engine/options.ts";
import { mapping } from "../../support/mapping.ts";
import { advance, Environment, member, useVirtualClock } from "../support/environment.ts";
import { byText, CODE, keyIn, statuses } from "./support/shared-volume.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

describe("deletes of files that kinsync did not create, in a shared volume", () => {
  const mirrored = mapping("mirrored", { to: "/code", mirror: true });
  const MIRRORED = keyIn(CODE, mirrored);

  async function running(consent: Pick<EngineOptions, "deletes" | "onDeletes">): Promise<Environment> {
    const environment = new Environment({ workloads: { train: [mirrored] }, volumes: [CODE], consent });
    environment.storage(CODE, undefined).put(MIRRORED, "foreign", "xyz");
    for (const name of ["b", "a", "c"]) environment.put(member(name));
    environment.run();
    environment.source(mirrored).save({ f: "1" });
    await advance(30_000, 1_000);
    return environment;
  }

  test("halt every member with the leader's reason, and no other member takes the lead", async () => {
    const environment = await running({});
    const storage = environment.storage(CODE, undefined);
    expect(storage.seen(MIRRORED)).toEqual({ foreign: "xyz" });
    expect(statuses(environment).toSorted(byText)).toEqual(["a halted", "b halted", "c halted"]);
    const reasons = environment.engine.view().workloads.flatMap(({ targets }) => targets.map(({ reason }) => reason));
    expect(reasons.every((reason) => reason.endsWith("kinsync did not create, in /code: foreign"))).toBe(true);
    expect(reasons.filter((reason) => reason.startsWith("shares its files with pod/a, container main"))).toHaveLength(
      2,
    );
    // One halt is reported, that of the leader.
    expect(environment.events.filter(({ event }) => event === "halted")).toMatchObject([
      { mapping: "mirrored", pod: "a", code: "KINSYNC_TARGET_DELETES", deletes: { count: 1, paths: ["foreign"] } },
    ]);
    expect(storage.claims).toBe(1);
    expect(await environment.end()).toMatchObject({ outcome: { exitCode: 3 } });
  });

  test("are asked for once, and carried out once after a yes", async () => {
    const answer = Promise.withResolvers<boolean>();
    let questions = 0;
    const environment = await running({
      onDeletes: () => {
        questions += 1;
        return answer.promise;
      },
    });
    answer.resolve(true);
    await advance(5_000, 500);
    const storage = environment.storage(CODE, undefined);
    expect(storage.seen(MIRRORED)).toEqual({ f: "1" });
    expect(storage.commits).toHaveLength(1);
    expect(statuses(environment).toSorted(byText)).toEqual(["a synced", "b synced", "c synced"]);
    expect(questions).toBe(1);
    await environment.end();
  });

  test("are not asked for again where the halted leader goes and another member leads", async () => {
    let questions = 0;
    const environment = await running({
      onDeletes: async () => {
        questions += 1;
        return false;
      },
    });
    environment.remove(member("a"));
    await advance(5_000, 500);
    expect(statuses(environment).toSorted(byText)).toEqual(["b halted", "c halted"]);
    expect(environment.storage(CODE, undefined).seen(MIRRORED)).toEqual({ foreign: "xyz" });
    expect(questions).toBe(1);
    await environment.end();
  });
});
