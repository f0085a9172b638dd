import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Hooks } from "../../../src/engine/actions/hooks.ts";
import { runLocalCommand } from "../../../src/engine/actions/local-command.ts";
import { Rebuild } from "../../../src/engine/actions/rebuild.ts";
import { WorkloadEmitter } from "../../../src/engine/emit.ts";
import type { EngineEvent, LocalEvent } from "../../../src/engine/events.ts";
import type { LocalState } from "../../../src/engine/snapshot.ts";
import { createSource } from "../../../src/local/watcher.ts";
import { mapping } from "../../support/mapping.ts";

let folder: string;
let events: LocalEvent[];
let emitter: WorkloadEmitter;
const signal = new AbortController().signal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kinsync-local-"));
  events = [];
  emitter = new WorkloadEmitter("jobset/train", "ml", (event: EngineEvent) => {
    if (event.event === "local") events.push(event);
  });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 20_000 }).toBe(true);
}

/** A process that has ended may still wait for its parent. */
function isAlive(id: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${id}/status`, "utf8"));
  } catch {
    return false;
  }
}

const phases = (): readonly string[] => events.filter(({ phase }) => phase !== "output").map(({ phase }) => phase);

test("a local command reports exit code and output, and its folder is that of the config", async () => {
  const lines: string[] = [];
  const command = { command: "pwd; echo err >&2; exit 3", folder, timeout: 10_000 };
  const result = await runLocalCommand(command, { signal, onOutput: (text) => lines.push(text) });
  expect(result).toMatchObject({ exitCode: 3, ok: false, reason: "ended with exit code 3" });
  expect(result.output).toContain(folder);
  expect(lines.join("")).toBe(result.output);
});

test("a command that cannot be started says why", async () => {
  const command = { command: [join(folder, "none")], folder, timeout: 10_000 };
  const result = await runLocalCommand(command, { signal, onOutput: () => {} });
  expect(result).toMatchObject({ ok: false, reason: expect.stringMatching(/^could not be started: .*ENOENT/) });
});

test("a command that takes too long is killed with all that it started", async () => {
  const command = { command: "sleep 60 & echo $!; wait", folder, timeout: 300 };
  const result = await runLocalCommand(command, { signal, onOutput: () => {} });
  expect(result).toMatchObject({ ok: false, reason: "did not end within 0.3 s and was killed" });
  await until(() => !isAlive(Number(result.output)));
});

test("a command is ended together with the run", async () => {
  const stop = new AbortController();
  const command = { command: ["sleep", "60"], folder, timeout: 60_000 };
  const running = runLocalCommand(command, { signal: stop.signal, onOutput: () => {} });
  stop.abort();
  expect(await running).toMatchObject({ ok: false, reason: "was ended together with kinsync" });
});

test("local changes are released when `before` succeeded, and not before; a failure keeps them from it", async () => {
  const released: LocalState[] = [];
  await using hooks = new Hooks({
    hooks: { before: { command: "[ -e ok ] || { echo broken; exit 1; }", folder, timeout: 10_000 } },
    emitter,
    onState: (state) => released.push(state),
    onChange: () => {},
    signal,
  });
  hooks.offer([]);
  expect([hooks.isRunning, released]).toEqual([true, []]);
  await until(() => !hooks.isRunning);
  expect(released).toEqual([]);
  expect(hooks).toMatchObject({ failures: 1, error: { code: "KINSYNC_RUN_LOCAL" } });
  writeFileSync(join(folder, "ok"), "");
  const [first, last]: [LocalState, LocalState] = [[], []];
  hooks.offer(first);
  hooks.offer(last);
  await until(() => !hooks.isRunning);
  expect(released).toHaveLength(1);
  expect(released[0]).toBe(last);
  expect(hooks.failures).toBe(0);
  expect(events.filter(({ phase }) => phase === "ends").map(({ ok }) => ok)).toEqual([false, true, true]);
});

test("`after` runs once for each snapshot that all targets hold", async () => {
  await using hooks = new Hooks({
    hooks: { after: { command: "echo x >>count", folder, timeout: 10_000 } },
    emitter,
    onState: () => {},
    onChange: () => {},
    signal,
  });
  for (const snapshot of [0, 1, 1, 2]) {
    hooks.landed(snapshot);
    await until(() => !hooks.isRunning);
  }
  expect(phases()).toEqual(["starts", "ends", "starts", "ends"]);
});

test("a change of a file that needs a new image runs the command, and no other change does; a new pod ends the wait", async () => {
  const from = join(folder, "src");
  mkdirSync(join(from, "deep"), { recursive: true });
  writeFileSync(join(from, "deep/Dockerfile"), "FROM a");
  writeFileSync(join(from, "app.py"), "1");
  const when = ["Dockerfile"];
  const each = mapping("code", { from, ignore: ["*.tmp", "Dockerfile", ...when] });
  await using rebuild = new Rebuild({
    rebuild: { when, command: "echo built", folder, timeout: 10_000 },
    mappings: [each],
    createSource,
    emitter,
    onChange: () => {},
    signal,
  });
  // The first state is the one that the image has.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  writeFileSync(join(from, "app.py"), "2");
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(events).toEqual([]);
  writeFileSync(join(from, "deep/Dockerfile"), "FROM b");
  await until(() => phases().includes("ends"));
  expect(events[0]).toMatchObject({ phase: "starts", command: "echo built", paths: ["deep/Dockerfile"] });
  expect(events.at(-1)).toMatchObject({ phase: "ends", ok: true, output: "built\n" });
  await until(() => !rebuild.isRunning);
  rebuild.onMember("web-1");
  rebuild.onMember("web-2");
  expect(phases()).toEqual(["starts", "ends", "replaced"]);
});
