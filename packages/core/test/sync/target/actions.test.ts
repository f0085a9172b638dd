import { expect, test } from "vitest";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { MemoryContainer } from "../../support/memory-container.ts";
import { TargetFixture } from "./support/target-fixture.ts";

test("a command runs after a batch that changed its paths, in its roles, and its exit code is reported", async () => {
  await using target = new TargetFixture();
  target.container.runExitCode = 3;
  const files = target.files("src");
  files.set({ "requirements.txt": "1", a: "1" });
  const actions: ResolvedAction[] = [
    { timeout: 1_000, when: ["requirements.txt"], command: ["pip", "install"] },
    { timeout: 1_000, when: ["*.go"], command: "go build" },
    { timeout: 1_000, when: ["requirements.txt"], command: "workers only", roles: ["worker"] },
  ];
  target.start({ files: [files], actions });
  await target.until(() => target.events.includes("run pip,install 3"));
  target.events.length = 0;
  files.set({ "requirements.txt": "1", a: "2" });
  await target.until(target.synced(2));
  await target.until(() => target.worker.idle);
  expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual(["run pip,install"]);
});

test("a target is idle after its last command, and reports no status twice", async () => {
  await using target = new TargetFixture();
  const files = target.files("app");
  files.set({ a: "1" });
  target.container.runExitCode = 3;
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["a"], command: "reload" }] });
  await target.until(() => target.events.includes("run reload 3"));
  const reported = target.events.indexOf("run reload 3");
  await target.until(() => target.worker.idle && target.events.slice(reported).includes("change"));
  expect(target.events.filter((event) => event.startsWith("synced:"))).toEqual(["synced: holds the newest snapshot"]);
});

test("a command that failed is not repeated by the same run", async () => {
  await using target = new TargetFixture();
  target.container.failNext("run", new KinsyncError("KINSYNC_TARGET_LOST", "gone"));
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
  await target.until(() => target.events.includes("run x KINSYNC_TARGET_LOST"));
  expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual([]);
});

/** A run of its own on a container: until nothing is left to do. */
async function runOnce(
  container: MemoryContainer,
  runId: string,
  actions: readonly ResolvedAction[],
): Promise<readonly string[]> {
  await using target = new TargetFixture(container);
  const files = target.files("src");
  files.set({ "app.py": "1", "requirements.txt": "1" });
  const logged = container.log.length;
  target.start({ files: [files], runId, actions });
  await target.until(() => target.worker.idle && target.worker.status === "synced");
  return container.log.slice(logged).filter((line) => line.startsWith("run "));
}

const PIP: ResolvedAction = { timeout: 1_000, when: ["requirements.txt"], command: "pip" };
const RELOAD: ResolvedAction = { timeout: 1_000, when: ["*.py"], command: "reload" };

test("a command that failed runs again in the next run, although no file changed, until it succeeds", async () => {
  const container = new MemoryContainer();
  container.runExitCode = 3;
  expect(await runOnce(container, "first", [PIP, RELOAD])).toEqual(["run pip", "run reload"]);
  expect(await runOnce(container, "second", [PIP, RELOAD])).toEqual(["run pip", "run reload"]);
  container.runExitCode = 0;
  expect(await runOnce(container, "third", [PIP, RELOAD])).toEqual(["run pip", "run reload"]);
  expect(await runOnce(container, "fourth", [PIP, RELOAD])).toEqual([]);
});

test("of two commands, only the one that failed is owed", async () => {
  const container = new MemoryContainer();
  container.failNext("run", new KinsyncError("KINSYNC_TARGET_LOST", "gone"));
  await runOnce(container, "first", [PIP, RELOAD]);
  expect(await runOnce(container, "second", [PIP, RELOAD])).toEqual(["run pip"]);
});

test("a command that was corrected in the config runs in place of the one that failed; one that was removed does not", async () => {
  const container = new MemoryContainer();
  container.runExitCode = 127;
  await runOnce(container, "first", [PIP]);
  container.runExitCode = 0;
  expect(await runOnce(container, "second", [{ ...PIP, command: "pip3" }])).toEqual(["run pip3"]);
  container.runExitCode = 1;
  await runOnce(container, "third", [{ ...PIP, when: ["*"] }]);
  expect(await runOnce(container, "fourth", [])).toEqual([]);
  expect(await runOnce(container, "fifth", [PIP])).toEqual([]);
});

test("what a command is owed for is in the container before the command starts, and is not after it", async () => {
  const container = new MemoryContainer();
  const owed = (): unknown => [...container.roots.values()].map(({ marker }) => marker?.owed);
  let during: unknown;
  container.onRun = () => (during = owed());
  await runOnce(container, "first", [PIP]);
  expect(during).toEqual([["requirements.txt"]]);
  expect(owed()).toEqual([undefined]);
});

test("a commit whose acknowledgement is lost is followed by its commands", async () => {
  const container = new MemoryContainer();
  container.failNext("receipt", new KinsyncError("KINSYNC_TARGET_LOST", "the connection ended"));
  expect(await runOnce(container, "first", [PIP])).toEqual(["run pip"]);
});

test("a new connection of the same run does not repeat a command that failed", async () => {
  await using target = new TargetFixture();
  target.container.runExitCode = 3;
  const files = target.files("src");
  files.set({ "requirements.txt": "1" });
  target.start({ files: [files], actions: [PIP] });
  await target.until(() => target.events.includes("run pip 3"));
  target.container.breakConnection();
  await target.until(() => target.container.sessions === 2 && target.worker.idle);
  files.set({ "requirements.txt": "1", a: "2" });
  await target.until(target.synced(2));
  await target.until(() => target.worker.idle);
  expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual(["run pip"]);
});
