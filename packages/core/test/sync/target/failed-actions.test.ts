import { expect, test } from "vitest";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import { MemoryContainer } from "../../support/memory-container.ts";
import { TargetFixture } from "./support/target-fixture.ts";

const PIP: ResolvedAction = { timeout: 1_000, when: ["requirements.txt"], command: "pip", onFailure: "hold" };
const RELOAD: ResolvedAction = { timeout: 1_000, when: ["*"], command: "reload" };

const runsOf = (container: MemoryContainer): readonly string[] =>
  container.log.filter((line) => line.startsWith("run "));
const failed = ({ worker }: TargetFixture): readonly string[] =>
  [...(worker.actions?.failures.keys() ?? [])].map(({ command }) => String(command));

test("a command that holds keeps those after it from running; the next save runs it first, and them when it succeeds", async () => {
  await using target = new TargetFixture();
  target.container.exitCodes.set("pip", 3);
  const files = target.files("src");
  files.set({ "requirements.txt": "1" });
  target.start({ files: [files], actions: [PIP, RELOAD] });
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
  expect(runsOf(target.container)).toEqual(["run pip"]);
  expect(failed(target)).toEqual(["pip"]);
  target.container.exitCodes.clear();
  files.set({ "requirements.txt": "1", app: "1" });
  await target.until(target.synced(2));
  await target.until(() => target.worker.idle);
  expect(runsOf(target.container)).toEqual(["run pip", "run pip", "run reload"]);
  expect(failed(target)).toEqual([]);
});

test("a failure that does not hold stays until the command succeeds; another attempt by hand runs it alone", async () => {
  await using target = new TargetFixture();
  target.container.exitCodes.set("pip", 3);
  const files = target.files("src");
  files.set({ "requirements.txt": "1" });
  target.start({ files: [files], actions: [{ ...PIP, onFailure: "continue" }, RELOAD] });
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
  expect(failed(target)).toEqual(["pip"]);
  files.set({ "requirements.txt": "1", app: "1" });
  await target.until(target.synced(2));
  await target.until(() => target.worker.idle);
  expect(failed(target)).toEqual(["pip"]);
  target.container.exitCodes.clear();
  target.worker.retryNow();
  await target.until(() => target.worker.idle && failed(target).length === 0);
  expect(runsOf(target.container)).toEqual(["run pip", "run reload", "run reload", "run pip"]);
});

test("a failure that was dismissed is not owed to the next run either", async () => {
  const container = new MemoryContainer();
  container.runExitCode = 3;
  {
    await using target = new TargetFixture(container);
    const files = target.files("src");
    files.set({ "requirements.txt": "1" });
    target.start({ files: [files], actions: [PIP, RELOAD] });
    await target.until(() => target.worker.status === "synced" && target.worker.idle);
    expect(target.worker.actions?.dismiss()).toBe(true);
    expect(failed(target)).toEqual([]);
    await target.until(() => target.worker.idle);
  }
  await using second = new TargetFixture(container);
  const files = second.files("src");
  files.set({ "requirements.txt": "1" });
  second.start({ files: [files], runId: "second", actions: [PIP, RELOAD] });
  await second.until(() => second.worker.status === "synced" && second.worker.idle);
  expect(runsOf(container)).toEqual(["run pip"]);
});

test("ten saves during one long command are followed by one more run of it", async () => {
  await using target = new TargetFixture();
  const gate = Promise.withResolvers<void>();
  target.container.runGate = gate.promise;
  const files = target.files("src");
  files.set({ app: "0" });
  target.start({ files: [files], actions: [RELOAD] });
  await target.until(() => target.container.log.includes("run reload"));
  for (let save = 1; save <= 10; save += 1) {
    files.set({ app: String(save) });
    await target.until(target.synced(save + 1));
  }
  gate.resolve();
  await target.until(() => target.worker.idle);
  expect(runsOf(target.container)).toEqual(["run reload", "run reload"]);
});

test("a command with `once` runs until it has succeeded in the container", async () => {
  await using target = new TargetFixture();
  target.container.runExitCode = 1;
  const files = target.files("src");
  files.set({ app: "1" });
  target.start({ files: [files], actions: [{ ...RELOAD, once: true }] });
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
  target.container.runExitCode = 0;
  for (const content of ["2", "3"]) {
    files.set({ app: content });
    await target.until(target.synced(Number(content)));
    await target.until(() => target.worker.idle);
  }
  expect(runsOf(target.container)).toHaveLength(2);
});

test("a command for the leader runs in index 0 alone", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ app: "1" });
  const actions: ResolvedAction[] = [
    { ...RELOAD, on: "leader" },
    { ...RELOAD, command: "workers", on: "leader", roles: ["worker"] },
  ];
  target.start({ files: [files], actions });
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
  expect(runsOf(target.container)).toEqual(["run reload"]);
});
