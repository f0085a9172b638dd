import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AllowedDeletes, DeletesRequest, EngineOptions } from "../../src/engine/options.ts";
import { containerPath } from "../../src/mapping/container-path.ts";
import { mapping } from "../support/mapping.ts";
import { advance, Environment, useVirtualClock, type MemberSpec } from "./support/environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const src = mapping("src", { mirror: true });
const key = containerPath(src, false).key;
const member = (name: string): MemberSpec => ({
  name,
  state: "current",
  teams: ["train"],
  isRunning: true,
  life: 0,
  restarts: 0,
});

/** Two pods whose image holds `foreign` at the mapped root. */
async function start(
  consent: Pick<EngineOptions, "deletes" | "allowedDeletes" | "onDeletes">,
  mode: EngineOptions["mode"] = "watch",
): Promise<Environment> {
  const environment = new Environment({
    workloads: { train: [src] },
    image: { [key]: { foreign: "xyz" } },
    consent,
    mode,
  });
  environment.put(member("p0"));
  environment.put(member("p1"));
  environment.run();
  environment.source(src).save({ a: "1" });
  await advance(1_000);
  return environment;
}

const seen = (environment: Environment, name: string): Record<string, string> =>
  environment.container(member(name)).seen(key);

describe("deletes of files that kinsync did not create", () => {
  test("halt each target without anyone to ask, and are events", async () => {
    const environment = await start({});
    expect(seen(environment, "p0")).toEqual({ foreign: "xyz" });
    expect(environment.events.filter(({ event }) => event === "halted")).toMatchObject([
      {
        mapping: "src",
        pod: "p0",
        code: "KINSYNC_TARGET_DELETES",
        deletes: { count: 1, bytes: 3, paths: ["foreign"] },
        hint: "To delete them, pass `--allow-deletes`. To keep them, remove `mirror: true` from the mapping.",
      },
      { mapping: "src", pod: "p1" },
    ]);
    expect(environment.engine.view().workloads[0]?.targets.map(({ status }) => status)).toEqual(["halted", "halted"]);
    const { outcome } = await environment.end();
    expect(outcome.exitCode).toBe(3);
  });

  test("are asked for once, whatever the number of pods, and carried out after a yes", async () => {
    const answer = Promise.withResolvers<boolean>();
    const requests: DeletesRequest[] = [];
    const environment = await start({
      onDeletes: (request) => {
        requests.push(request);
        return answer.promise;
      },
    });
    expect(requests).toMatchObject([
      {
        workload: "team/train",
        mapping: "src",
        to: "/src",
        paths: ["/src/foreign"],
        relativePaths: ["foreign"],
        targets: [
          { pod: "p0", count: 1, bytes: 3 },
          { pod: "p1", count: 1, bytes: 3 },
        ],
        bytes: 6,
      },
    ]);
    answer.resolve(true);
    await advance(1_000);
    expect([seen(environment, "p0"), seen(environment, "p1")]).toEqual([{ a: "1" }, { a: "1" }]);
    // A later pod of the same image needs no other question.
    environment.put(member("p2"));
    await advance(1_000);
    expect(seen(environment, "p2")).toEqual({ a: "1" });
    expect(requests).toHaveLength(1);
    await environment.end();
  });

  test("are asked for once more for a target that holds other files, and each question names its targets", async () => {
    const requests: DeletesRequest[] = [];
    const environment = await start({
      onDeletes: async (request) => {
        requests.push(request);
        return request.targets.some(({ pod }) => pod === "p0");
      },
    });
    environment.put(member("p2"));
    environment.container(member("p2")).put(key, "other", "x");
    await advance(1_000);
    expect(requests.map(({ relativePaths, targets }) => [relativePaths, targets.map(({ pod }) => pod)])).toEqual([
      [["foreign"], ["p0", "p1"]],
      [["foreign", "other"], ["p2"]],
    ]);
    expect([seen(environment, "p0"), seen(environment, "p2")]).toEqual([{ a: "1" }, { foreign: "xyz", other: "x" }]);
    await environment.end();
  });

  test("are not asked for again after a no", async () => {
    let questions = 0;
    const environment = await start({
      onDeletes: async () => {
        questions += 1;
        return false;
      },
    });
    environment.source(src).save({ a: "2" });
    await advance(1_000);
    expect(questions).toBe(1);
    expect(seen(environment, "p0")).toEqual({ foreign: "xyz" });
    await environment.end();
  });

  test("are carried out with deletes: allow", async () => {
    const environment = await start({ deletes: "allow" });
    expect(seen(environment, "p0")).toEqual({ a: "1" });
    await environment.end();
  });

  test("are carried out by the command, and only those that halt now", async () => {
    const environment = await start({});
    environment.engine.commands.allowDeletes("src");
    await advance(1_000);
    expect(seen(environment, "p0")).toEqual({ a: "1" });
    environment.put({ ...member("p2") });
    environment.container(member("p2")).put(key, "other", "x");
    await advance(1_000);
    expect(seen(environment, "p2")).toEqual({ foreign: "xyz", other: "x" });
    await environment.end();
  });

  test.each<[string, Partial<AllowedDeletes>, boolean]>([
    ["of the same paths", {}, true],
    ["of more paths", { paths: ["foreign", "other"] }, true],
    ["of other paths", { paths: ["other"] }, false],
    ["of another container path", { to: "/lib" }, false],
    ["of another workload", { workload: "team/eval" }, false],
    ["of another namespace", { namespace: "other" }, false],
  ])("with an earlier consent %s", async (_, parts, isDeleted) => {
    const consent = { workload: "team/train", namespace: "ml", to: "/src", paths: ["foreign"], ...parts };
    const environment = await start({ allowedDeletes: [consent] });
    expect(seen(environment, "p0")).toEqual(isDeleted ? { a: "1" } : { foreign: "xyz" });
    await environment.end();
  });

  test("keep a run with an end open while the question waits", async () => {
    const answer = Promise.withResolvers<boolean>();
    const environment = await start({ onDeletes: () => answer.promise }, "once");
    await advance(120_000, 10_000);
    expect(environment.events.some(({ event }) => event === "summary")).toBe(false);
    answer.resolve(true);
    const { outcome } = await environment.ended();
    expect(outcome.exitCode).toBe(0);
    expect(seen(environment, "p0")).toEqual({ a: "1" });
  });

  test("end a run with an end after a no, with exit code 3", async () => {
    const environment = await start({ onDeletes: async () => false }, "once");
    const { outcome } = await environment.ended();
    expect(outcome.exitCode).toBe(3);
  });
});
