import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LocalResult } from "../../../src/engine/actions/local-command.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { mapping } from "../../support/mapping.ts";
import { advance, Environment, key, member, useVirtualClock, type EnvironmentOptions } from "../support/environment.ts";
import { memoryCopies } from "../support/memory-copies.ts";

/** Commands on this machine that ran, and what ends the next ones. */
const local: { readonly ran: string[]; during: () => Promise<void>; ok: boolean } = {
  ran: [],
  during: () => Promise.resolve(),
  ok: true,
};

vi.mock(import("../../../src/engine/actions/local-command.ts"), () => ({
  runLocalCommand: async ({ command }): Promise<LocalResult> => {
    local.ran.push(String(command));
    await local.during();
    const { ok } = local;
    return { ok, exitCode: ok ? 0 : 1, reason: `ended with exit code ${ok ? 0 : 1}`, output: "", duration: 1 };
  },
}));

beforeEach(() => {
  useVirtualClock();
  local.ran.length = 0;
  local.during = () => Promise.resolve();
  local.ok = true;
});
afterEach(() => {
  vi.useRealTimers();
});

const a = mapping("a");
const HOOKS = { before: { command: "build", folder: "/", timeout: 1_000 } };
const seen = (environment: Environment): unknown => environment.container(member("p")).seen(key(a));

async function start(options: Partial<EnvironmentOptions> = {}): Promise<Environment> {
  const environment = Environment.start([a], { hooks: HOOKS, kept: memoryCopies(), ...options });
  await advance(1_000);
  expect(local.ran).toEqual(["build"]);
  return environment;
}

async function save(environment: Environment, f: string): Promise<void> {
  environment.source(a).save({ f });
  await advance(1_000);
}

test("in mode manual `before` runs with `trigger` and not with each save, and files that it makes are released, too", async () => {
  const environment = await start({ releases: "manual" });
  await save(environment, "2");
  await save(environment, "3");
  expect(local.ran).toEqual(["build"]);
  local.during = async () => {
    environment.source(a).save({ f: "3", built: "3" });
    await advance(100);
  };
  expect(await environment.engine.commands.trigger()).toMatchObject([{ snapshot: 2 }]);
  await advance(1_000);
  expect(local.ran).toEqual(["build", "build"]);
  expect(seen(environment)).toEqual({ f: "3", built: "3" });
  await environment.engine.commands.trigger();
  expect(local.ran, "nothing waits").toEqual(["build", "build"]);
  expect((await environment.end()).outcome.exitCode).toBe(0);
});

test("in mode manual a failure of `before` keeps the changes waiting until the next `trigger`", async () => {
  const environment = await start({ releases: "manual" });
  await save(environment, "2");
  local.ok = false;
  await expect(environment.engine.commands.trigger()).rejects.toMatchObject({ code: "KINSYNC_RUN_LOCAL" });
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "1" });
  expect(environment.engine.view().workloads[0]).toMatchObject({ pending: { changed: 1 } });
  local.ok = true;
  await environment.engine.commands.trigger();
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "2" });
  expect((await environment.end()).outcome.exitCode).toBe(0);
});

test("in mode auto `trigger` runs `before` again where it failed, and releases its files", async () => {
  const environment = await start();
  local.ok = false;
  await save(environment, "2");
  expect(seen(environment)).toEqual({ f: "1" });
  await expect(environment.engine.commands.trigger()).rejects.toMatchObject({ code: "KINSYNC_RUN_LOCAL" });
  expect(environment.engine.view().workloads[0]).toMatchObject({ before: { phase: "failed" } });
  local.ok = true;
  expect(await environment.engine.commands.trigger()).toMatchObject([{ snapshot: 2 }]);
  await advance(1_000);
  expect([seen(environment), local.ran.length]).toEqual([{ f: "2" }, 4]);
  expect(await environment.engine.commands.trigger(), "nothing waits").toEqual([]);
  expect(local.ran).toHaveLength(4);
  expect((await environment.end()).outcome.exitCode).toBe(0);
});

test.each(["auto", "manual"] as const)(
  "in mode %s `trigger` runs `before` again where it failed for the first files",
  async (releases) => {
    local.ok = false;
    const environment = await start({ releases });
    expect(seen(environment)).toEqual({});
    local.ok = true;
    expect(await environment.engine.commands.trigger()).toMatchObject([{ snapshot: 1 }]);
    await advance(1_000);
    expect([seen(environment), local.ran.length]).toEqual([{ f: "1" }, 2]);
    expect((await environment.end()).outcome.exitCode).toBe(0);
  },
);

test("`retry` tries targets again and releases nothing that waits", async () => {
  const environment = await start({ releases: "manual" });
  await save(environment, "2");
  environment.engine.commands.retry();
  await advance(1_000);
  expect([seen(environment), local.ran.length]).toEqual([{ f: "1" }, 1]);
  expect(environment.engine.view().workloads[0]).toMatchObject({ pending: { changed: 1 } });
  await environment.end();
});

test("nothing runs while paused; `resume` runs `before`, and stays paused where it fails", async () => {
  const environment = await start();
  environment.engine.commands.pause();
  await save(environment, "2");
  expect(local.ran).toEqual(["build"]);
  local.ok = false;
  await expect(environment.engine.commands.resume()).rejects.toMatchObject({ code: "KINSYNC_RUN_LOCAL" });
  expect(environment.engine.view().workloads[0]).toMatchObject({ held: "paused" });
  local.ok = true;
  await environment.engine.commands.resume();
  await advance(1_000);
  expect([seen(environment), local.ran]).toEqual([{ f: "2" }, ["build", "build", "build"]]);
  await environment.end();
});

test("`undo` releases what was built before, and the save that ends it is built first", async () => {
  const environment = await start();
  await save(environment, "2");
  expect(local.ran).toHaveLength(2);
  environment.engine.commands.undo();
  await advance(1_000);
  expect([seen(environment), local.ran.length]).toEqual([{ f: "1" }, 2]);
  await save(environment, "3");
  expect([seen(environment), local.ran.length]).toEqual([{ f: "3" }, 3]);
  await environment.end();
});

/** Saves every 50 ms from now on, while each run of `before` takes 400 ms. @returns stops them */
function saveAllTheTime(environment: Environment): () => void {
  local.during = () => new Promise((resolve) => setTimeout(resolve, RUN_MS));
  let number = 1;
  const timer = setInterval(() => environment.source(a).save({ f: String((number += 1)) }), SAVE_MS);
  return () => clearInterval(timer);
}

const RUN_MS = 400;
const SAVE_MS = 50;
/** Until a state settles and reaches the container. */
const ON_ITS_WAY_MS = 300;

const savedUntil = (milliseconds: number): number => 1 + Math.floor(milliseconds / SAVE_MS);
const held = (environment: Environment): number => Number((seen(environment) as { readonly f: string }).f);

test.each<[mode: string, Partial<EnvironmentOptions>]>([
  ["auto", {}],
  ["auto in a gang", { gang: { quorum: "all", timeoutMs: 10_000, onFailure: "hold" } }],
])(
  "mode %s: where saves never pause, each reaches the containers within two runs of `before`",
  async (_mode, options) => {
    const environment = await start(options);
    const stop = saveAllTheTime(environment);
    for (let elapsed = 0; elapsed < 4_000; elapsed += 500) {
      await advance(500, 25);
      const oldest = savedUntil(elapsed + 500 - 2 * RUN_MS - ON_ITS_WAY_MS);
      expect(held(environment), `after ${elapsed + 500} ms`).toBeGreaterThanOrEqual(oldest);
    }
    stop();
    await advance(2_000);
    expect(environment.engine.view().workloads[0]?.before).toBeUndefined();
    await environment.end();
  },
);

test("a `before` that fails while saves never pause is reported as failed, and releases when it succeeds", async () => {
  const environment = await start();
  local.ok = false;
  const stop = saveAllTheTime(environment);
  await advance(2_000, 25);
  expect(held(environment)).toBe(1);
  local.ok = true;
  await advance(2 * RUN_MS + ON_ITS_WAY_MS, 25);
  expect(held(environment)).toBeGreaterThan(savedUntil(2_000 - RUN_MS));
  stop();
  await advance(2_000);
  expect((await environment.end()).outcome.exitCode).toBe(0);
});

test.each<[order: string, Partial<EnvironmentOptions>, (environment: Environment) => Promise<unknown>]>([
  ["`trigger` in mode manual", { releases: "manual" }, ({ engine }) => engine.commands.trigger()],
  ["`resume` after `pause`", {}, ({ engine }) => engine.commands.resume()],
  ["`trigger` after `undo`", {}, ({ engine }) => engine.commands.trigger()],
])("%s ends within two runs of `before` where saves never pause", async (order, options, give) => {
  const environment = await start(options);
  if (order.includes("pause")) environment.engine.commands.pause();
  if (order.includes("undo")) {
    await save(environment, "2");
    environment.engine.commands.undo();
    await advance(100);
  }
  const stop = saveAllTheTime(environment);
  await advance(1_000, 25);
  let isOver = false;
  void give(environment).then(() => (isOver = true));
  await advance(2 * RUN_MS + ON_ITS_WAY_MS, 25);
  expect(isOver).toBe(true);
  expect(held(environment)).toBeGreaterThanOrEqual(savedUntil(1_000 - ON_ITS_WAY_MS));
  stop();
  await advance(2_000);
  await environment.end();
});

test("files that `before` makes are released together with the files that they were made of", async () => {
  const environment = await start();
  local.during = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    environment.source(a).save({ f: "2", built: "2" });
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  environment.source(a).save({ f: "2" });
  await advance(2_000, 25);
  expect(seen(environment)).toEqual({ f: "2", built: "2" });
  expect(environment.events.filter(({ event }) => event === "snapshot")).toHaveLength(2);
  await environment.end();
});

test.each([true, false])(
  "`trigger` is refused with a reason where kinsync ends during `before`, whose success is %s",
  async (ok) => {
    const environment = await start({ releases: "manual" });
    await save(environment, "2");
    local.ok = ok;
    local.during = () => new Promise((resolve) => setTimeout(resolve, RUN_MS));
    const refused = Promise.allSettled([environment.engine.commands.trigger()]);
    await advance(100);
    const ended = environment.end();
    await advance(2 * RUN_MS);
    expect(await refused).toMatchObject([{ reason: { code: "KINSYNC_RUN_LOCAL" } }]);
    await ended;
  },
);

test("`before` does not run where only the paths that cannot be read differ", async () => {
  const environment = await start();
  environment.source(a).problems = [new KinsyncError("KINSYNC_SOURCE_CHANGED", "/src/4913 is left out for now")];
  await save(environment, "1");
  expect(environment.engine.view().workloads[0]).toMatchObject({ snapshot: 1, unread: { count: 1 } });
  environment.source(a).problems = [];
  await save(environment, "1");
  expect(local.ran).toEqual(["build"]);
  await save(environment, "2");
  expect([seen(environment), local.ran]).toEqual([{ f: "2" }, ["build", "build"]]);
  await environment.end();
});
