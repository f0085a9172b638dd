import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LocalResult } from "../../../src/engine/actions/local-command.ts";
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
