import { expect, test } from "vitest";
import { readLogs, type ReadLogsOptions } from "../../src/logs/read-logs.ts";
import { FakeLogs, formatEntry, memberOf } from "./support/fake-logs.ts";

async function read(logs: FakeLogs, options: Omit<ReadLogsOptions, "cluster" | "signal">): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const got: string[] = [];
  for await (const entry of readLogs({ cluster: logs.cluster, signal, ...options })) got.push(formatEntry(entry));
  return got;
}

function twoPods(): FakeLogs {
  const logs = new FakeLogs();
  logs.write("a", 1, "a1");
  logs.write("b", 2, "b1");
  logs.write("a", 3, "a2");
  logs.write("b", 4, "b2");
  return logs;
}

test("the lines of current and kept members come by time", async () => {
  const members = [memberOf("a"), memberOf("b", { state: "kept" }), memberOf("c", { state: "superseded" })];
  expect(await read(twoPods(), { members })).toEqual(["a: a1", "b: b1", "a: a2", "b: b2"]);
});

test("of a workload that has ended the finished members are read", async () => {
  const members = [memberOf("a", { state: "finished" }), memberOf("b", { state: "superseded" })];
  expect(await read(twoPods(), { members })).toEqual(["a: a1", "a: a2"]);
});

test("`tail` counts for each container", async () => {
  expect(await read(twoPods(), { members: [memberOf("a"), memberOf("b")], tail: 1 })).toEqual(["a: a2", "b: b2"]);
});

test("a log that cannot be read is a note, and the others are read", async () => {
  const logs = twoPods();
  logs.refusals.set("b", { status: 400, message: 'container "main" in pod "b" is waiting to start: PodInitializing' });
  expect(await read(logs, { members: [memberOf("a"), memberOf("b")] })).toEqual(["b -- unavailable", "a: a1", "a: a2"]);
});

test("a container that a member does not have is a note", async () => {
  expect(await read(twoPods(), { members: [memberOf("a")], container: "other" })).toEqual(["a -- unavailable"]);
});

test("`previous` reads the run before", async () => {
  const logs = twoPods();
  logs.restart("a");
  logs.write("a", 5, "new");
  expect(await read(logs, { members: [memberOf("a")], previous: true })).toEqual(["a: a1", "a: a2"]);
});
