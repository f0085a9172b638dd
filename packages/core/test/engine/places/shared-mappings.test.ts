import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { containerPath } from "../../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { mapping } from "../../support/mapping.ts";
import { advance, Environment, member, useVirtualClock } from "../support/environment.ts";
import { CODE, code, KEY, keyIn, start, statuses } from "./support/shared-volume.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

describe("two mappings that share files", () => {
  const eval_ = (parts: Partial<ResolvedMapping>): ResolvedMapping => mapping("other", { to: "/code", ...parts });

  test("two workloads bring different folders to one path of one pod: the first keeps it", async () => {
    const one = mapping("one", { to: "/app" });
    const two = mapping("two", { to: "/app" });
    const environment = new Environment({ workloads: { train: [one], eval: [two] } });
    environment.put(member("p", { teams: ["train", "eval"] }));
    environment.run();
    environment.source(one).save({ f: "1" });
    environment.source(two).save({ f: "2" });
    await advance(30_000, 1_000);
    expect(statuses(environment)).toEqual(["p synced", "p failed"]);
    expect(environment.container(member("p")).seen(containerPath(one, false).key)).toEqual({ f: "1" });
    expect(environment.container(member("p")).storage.commits).toHaveLength(1);
    const failed = environment.events.filter(({ event }) => event === "failed");
    expect(failed).toMatchObject([{ code: "KINSYNC_CONFIG_CONFLICT", workload: "team/eval" }]);
    await environment.end();
  });

  test("two workloads bring the same folder to one path of one pod: it is written once, and both are synced", async () => {
    const one = mapping("one", { to: "/app" });
    const two = mapping("two", { to: "/app", from: one.from });
    const environment = new Environment({ workloads: { train: [one], eval: [two] } });
    environment.put(member("p", { teams: ["train", "eval"] }));
    environment.run();
    for (const files of [{ f: "1" }, { f: "2" }]) {
      for (const source of environment.sources(one)) source.save(files);
      await advance(30_000, 1_000);
      expect(statuses(environment)).toEqual(["p synced", "p synced"]);
      expect(environment.container(member("p")).seen(containerPath(one, false).key)).toEqual(files);
    }
    expect(environment.container(member("p")).storage.commits).toHaveLength(2);
    await environment.end();
  });

  test("a second workload with other files for a shared volume fails and names the first", async () => {
    const other = eval_({});
    const environment = start({ train: [code], eval: [other] });
    environment.put(member("a", { teams: ["eval"] }));
    environment.put(member("b", { teams: ["train"] }));
    environment.run();
    environment.source(code).save({ f: "of code" });
    environment.source(other).save({ f: "of other" });
    await advance(5_000);
    expect(environment.storage(CODE, undefined).seen(KEY)).toEqual({ f: "of code" });
    expect(statuses(environment)).toEqual(["b synced", "a failed"]);
    // When the first has no member left, the second gets the place.
    environment.remove(member("b"));
    await advance(5_000);
    expect(environment.storage(CODE, undefined).seen(KEY)).toEqual({ f: "of other" });
    expect(statuses(environment)).toEqual(["a synced"]);
    await environment.end();
  });

  test("the more specific mapping of another member keeps its files", async () => {
    const conf = mapping("conf", { to: "/code/conf", roles: ["head"] });
    const environment = start({ train: [{ ...code, roles: ["worker"] }, conf] });
    environment.put(member("a", { role: "worker" }));
    environment.put(member("b", { role: "head" }));
    environment.run();
    environment.source(code).save({ f: "1", "conf/": "", "conf/x": "of code" });
    environment.source(conf).save({ x: "of conf" });
    await advance(5_000);
    const storage = environment.storage(CODE, undefined);
    expect(storage.seen(KEY)).toEqual({ f: "1" });
    expect(storage.seen(keyIn(CODE, conf))).toEqual({ x: "of conf" });
    // Without its member, the outer mapping owns the folder again.
    environment.remove(member("b"));
    await advance(5_000);
    expect(storage.seen(KEY)).toEqual({ f: "1", conf: "directory", "conf/x": "of code" });
    await environment.end();
  });
});

test("two mappings that set modes differently are not the same rule: the second is refused", async () => {
  const other = mapping("other", { to: "/code", from: code.from, modes: "exact" });
  const environment = start({ train: [code], eval: [other] });
  environment.put(member("a", { teams: ["train"] }));
  environment.put(member("b", { teams: ["eval"] }));
  environment.run();
  for (const source of environment.sources(code)) source.save({ f: "1" });
  await advance(5_000);
  expect(statuses(environment)).toEqual(["a synced", "b failed"]);
  await environment.end();
});
