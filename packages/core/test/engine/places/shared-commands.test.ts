import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import { advance, Environment, member, useVirtualClock } from "../support/environment.ts";
import { code, CODE, KEY } from "./support/shared-volume.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const RUN: readonly ResolvedAction[] = [{ when: ["f"], command: "reload", timeout: 1_000 }];

test("a command that failed in one of two members with the same files stays owed until it succeeded there", async () => {
  const environment = new Environment({ workloads: { train: [code] }, volumes: [CODE], run: RUN });
  for (const name of ["a", "b"]) environment.put(member(name));
  environment.container(member("b")).runExitCode = 3;
  environment.run();
  environment.source(code).save({ f: "1", g: "1" });
  await advance(2_000);
  const runs = (name: string): number =>
    environment.container(member(name)).log.filter((line) => line === "run reload").length;
  const owed = (): readonly string[] | undefined => environment.storage(CODE, undefined).root(KEY).marker?.owed;
  expect([runs("a"), runs("b")]).toEqual([1, 1]);
  expect(owed()).toEqual(["f"]);
  environment.source(code).save({ f: "1", g: "2" });
  await advance(2_000);
  expect([runs("a"), runs("b")]).toEqual([1, 1]);
  expect(owed()).toEqual(["f"]);
  environment.container(member("b")).runExitCode = 0;
  environment.source(code).save({ f: "2", g: "2" });
  await advance(2_000);
  expect([runs("a"), runs("b")]).toEqual([2, 2]);
  expect(owed()).toBeUndefined();
  expect(await environment.end()).toMatchObject({ outcome: { exitCode: 0 } });
});

test("commands that an earlier run owes are run in all members with the same files", async () => {
  const environment = new Environment({ workloads: { train: [code] }, volumes: [CODE], run: RUN });
  for (const name of ["a", "b"]) environment.put(member(name));
  const root = environment.storage(CODE, undefined).root(KEY);
  environment.storage(CODE, undefined).put(KEY, "f", "1");
  root.marker = {
    format: 1,
    runId: "earlier",
    owner: "somebody",
    since: "2025-12-31T00:00:00.000Z",
    incarnation: "x",
    snapshot: 1,
    tree: "released",
    owed: ["f"],
  };
  environment.run();
  environment.source(code).save({ f: "1" });
  await advance(2_000);
  for (const name of ["a", "b"]) {
    expect(environment.container(member(name)).log.filter((line) => line === "run reload")).toHaveLength(1);
  }
  expect(root.marker?.owed).toBeUndefined();
  await environment.end();
});
