import { expect, test } from "vitest";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
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

test("a command that failed is not repeated", async () => {
  await using target = new TargetFixture();
  target.container.failNext("run", new KinsyncError("KINSYNC_TARGET_LOST", "gone"));
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
  await target.until(() => target.events.includes("run x KINSYNC_TARGET_LOST"));
  expect(target.container.log.filter((line) => line.startsWith("run"))).toEqual([]);
});
