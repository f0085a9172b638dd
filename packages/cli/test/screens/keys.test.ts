import { expect, test, vi } from "vitest";
import { splitKeys } from "../../src/render/keys.ts";
import { ShownRun, workload, type MemberSpec } from "./support/shown-run.ts";

const member = (index: number, more: Partial<MemberSpec> = {}): MemberSpec => ({
  name: `web-${String(index).padStart(2, "0")}`,
  status: "synced",
  ...more,
});
const members = (number: number): readonly MemberSpec[] => Array.from({ length: number }, (_, index) => member(index));

async function shown(run: ShownRun): Promise<string> {
  await run.frame();
  return (await run.terminal.rows()).join("\n");
}

test("a shows all members, arrow keys and pages scroll, and a again hides them", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: members(40) })]);
  await run.press("a");
  expect(await shown(run)).toMatch(/web-00 .*lines 1-\d+ of 41/s);
  await run.press("\u001B[6~", "\u001B[6~", "\u001B[6~");
  expect(await shown(run)).toMatch(/web-39 .*lines \d+-41 of 41/s);
  await run.press("\u001B[A");
  expect(await shown(run)).toMatch(/lines \d+-40 of 41/);
  await run.press("a");
  expect(await shown(run)).not.toContain("web-39");
});

test("lines of logs stay above the screen, and the next one waits while a question is open", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: members(2) })]);
  expect(run.reporter.log("head 0 | step 1")).toBeUndefined();
  expect(await shown(run)).toMatch(/head 0 \| step 1\n(.*\n)*.*deploy\/web/);
  run.reporter.hold();
  let isFree = false;
  const free = run.reporter.log("head 0 | step 2")?.then(() => (isFree = true));
  expect(await shown(run)).not.toContain("step 2");
  expect(isFree).toBe(false);
  run.reporter.release();
  await free;
  expect(await shown(run)).toMatch(/head 0 \| step 1\n.*head 0 \| step 2\n(.*\n)*.*deploy\/web/);
});

test("f shows only workloads with problems", async () => {
  const failed = workload({
    name: "deploy/api",
    members: [member(1, { status: "failed", reason: "it is read-only" })],
  });
  const run = await ShownRun.start([workload({ name: "deploy/web", members: members(2) }), failed]);
  expect(await shown(run)).toMatch(/deploy\/web +snapshot/);
  await run.press("f");
  expect(await shown(run)).not.toMatch(/deploy\/web +snapshot/);
  expect(await shown(run)).toContain("it is read-only");
});

test("e shows the last error with the next step, also after its row is gone", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })]);
  await run.press("e");
  expect(await shown(run)).toContain("no error so far");
  const target = { pod: "web-01", uid: "web-01", container: "main" };
  run.event("retry", { ...target, code: "KINSYNC_TARGET_LOST", reason: "it was lost", hint: "h", delay: 2_000 });
  expect(await shown(run)).not.toContain("it was lost");
  await run.press("e");
  expect(await shown(run)).toMatch(/10:42:07 {2}out of date web-01 \[main\]: it was lost; trying again in 2 s/);
});

test("r takes back, tries again and compares all files, and releases nothing", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })]);
  await run.press("r");
  expect(run.calls).toEqual(["reclaim", "retry", "rescan"]);
});

test("q ends the run, and Ctrl-C interrupts it", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })]);
  await run.press("q", "\u0003");
  expect(run.calls).toEqual(["quit"]);
  expect(run.jobControl.interrupts).toBe(1);
});

test.each([
  ["the end of the run", (run: ShownRun) => run.reporter.end([])],
  ["an error", (run: ShownRun) => run.reporter.abandon()],
  ["an exit in the middle", (run: ShownRun) => run.jobControl.exit()],
  ["a question", (run: ShownRun) => run.reporter.hold()],
])("raw mode ends with %s", async (_what, end) => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })]);
  expect(run.terminal.isRaw).toBe(true);
  end(run);
  expect(run.terminal.isRaw).toBe(false);
});

test("Ctrl-Z gives the terminal back, and the screen returns with the process", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })]);
  await run.press("\u001A");
  expect(run.terminal.isRaw).toBe(false);
  expect(run.jobControl.suspensions).toBe(1);
  run.jobControl.continue();
  expect(run.terminal.isRaw).toBe(true);
  await vi.waitFor(async () => expect(await shown(run)).toContain("1/1 up to date"));
});

test("d lets failed commands no longer count, and names the containers; without one it says so", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: members(4) })]);
  await run.press("d");
  expect(run.calls).toEqual(["dismiss"]);
  expect(await shown(run)).toContain("no command has failed");
  run.dismissed = [1, 2, 3, 4].map((index) => `pod/web-0${index}, container main`);
  await run.press("d");
  expect((await shown(run)).replaceAll(/\s+/g, " ")).toContain(
    "dismissed the failed commands of pod/web-01, container main; pod/web-02, container main; pod/web-03, container main and 1 more",
  );
});

test("a job in the background reads no keys, and shows none", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })], { keys: false });
  expect(run.terminal.isRaw).toBe(false);
  expect(await shown(run)).not.toContain("q quit");
});

test("keys work again after a question, and lines that came meanwhile follow it", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: [member(1)] })]);
  run.reporter.hold();
  run.event("note", { code: "c", reason: "something happened" });
  expect(await shown(run)).not.toContain("something happened");
  run.reporter.release();
  expect(await shown(run)).toContain("something happened");
  await run.press("q");
  expect(run.calls).toEqual(["quit"]);
});

test("deletes that are asked about get no line of their own in any pod", async () => {
  const run = await ShownRun.start([workload({ name: "deploy/web", members: members(3) })]);
  for (const { pod, uid, container } of run.workloads[0]?.targets ?? []) {
    run.event("halted", {
      mapping: "src",
      pod,
      uid,
      container,
      code: "KINSYNC_TARGET_DELETES",
      reason: "would delete 1 entry",
      hint: "h",
      deletes: { count: 1, bytes: 9, paths: ["a"] },
    });
  }
  expect(await shown(run)).not.toContain("would delete");
});

test("an escape sequence is one key, and a wide character, too", () => {
  expect(splitKeys("a\u001B[6~\u001BOA語q")).toEqual(["a", "\u001B[6~", "\u001BOA", "語", "q"]);
});
