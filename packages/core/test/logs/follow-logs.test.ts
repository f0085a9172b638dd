import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { followLogs, type FollowedLogs, type FollowLogsOptions } from "../../src/logs/follow-logs.ts";
import type { Member } from "../../src/resolve/resolution.ts";
import { FakeLogs, formatEntry, memberOf } from "./support/fake-logs.ts";

let logs: FakeLogs;
let stop: AbortController;
let followed: FollowedLogs;
let got: string[];
let failure: unknown;

beforeEach(() => {
  logs = new FakeLogs();
  stop = new AbortController();
  got = [];
  failure = undefined;
});

afterEach(() => stop.abort(new Error("the test is over")));

function follow(options: Partial<FollowLogsOptions> = {}): void {
  followed = followLogs({ cluster: logs.cluster, signal: stop.signal, ...options });
  const read = async (): Promise<void> => {
    for await (const entry of followed.entries) got.push(formatEntry(entry));
  };
  read().catch((error: unknown) => (failure = error));
}

/** Members as they are now; each one that had another form before has changed. */
function update(...members: readonly (Member | { readonly gone: Member })[]): void {
  followed.update(
    members.map((member) =>
      "gone" in member
        ? { uid: member.gone.uid, before: member.gone, after: undefined }
        : { uid: member.uid, before: undefined, after: member },
    ),
  );
}

async function untilGot(...lines: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(got).toEqual(lines), 8_000);
}

const untilFollowed = (pod: string): Promise<void> =>
  vi.waitFor(() => expect(logs.followers(pod)).toBe(1), { timeout: 8_000 });

test("what members wrote before comes by time, then what they write", async () => {
  logs.write("a", 1, "a1");
  logs.write("b", 2, "b1");
  logs.write("a", 3, "a2");
  follow();
  update(memberOf("a", { role: "head", index: "0" }), memberOf("b", { role: "worker", index: "1" }));
  await untilGot("head 0: a1", "worker 1: b1", "head 0: a2");
  await untilFollowed("a");
  await untilFollowed("b");
  logs.write("b", 4, "b2");
  logs.write("a", 5, "a3");
  await vi.waitFor(() => expect(got.slice(3)).toEqual(expect.arrayContaining(["worker 1: b2", "head 0: a3"])));
  expect(got).toHaveLength(5);
});

test("with `tail: 0` only new lines of the members that exist come, and all lines of one that joins", async () => {
  logs.write("a", 1, "old");
  logs.write("b", 2, "first");
  follow({ tail: 0 });
  update(memberOf("a"));
  await untilFollowed("a");
  update(memberOf("b"));
  await untilGot("b -- joined", "b: first");
  logs.write("a", 3, "new");
  await untilGot("b -- joined", "b: first", "a: new");
});

test("a broken stream is continued without a lost or doubled line, also where a line was cut", async () => {
  follow();
  update(memberOf("a"));
  await untilFollowed("a");
  logs.write("a", 1.1, "one");
  logs.write("a", 1.2, "two");
  await untilGot("a: one", "a: two");
  logs.cut("a", "2026-01-31T12:00:01.3Z thr");
  logs.write("a", 1.3, "three");
  await untilGot("a: one", "a: two", "a -- interrupted", "a: three");
  logs.write("a", 1.4, "four");
  await untilGot("a: one", "a: two", "a -- interrupted", "a: three", "a: four");
});

test("a stream that is silent for long is opened again without a note, and no line is lost", async () => {
  follow();
  update(memberOf("a"));
  await untilFollowed("a");
  logs.write("a", 1, "one");
  await untilGot("a: one");
  const now = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(now + 100_000);
  logs.cut("a");
  logs.write("a", 2, "two");
  await untilGot("a: one", "a: two");
  clock.mockRestore();
});

test("a restarted container is followed, with a note between its runs", async () => {
  follow();
  update(memberOf("a"));
  await untilFollowed("a");
  logs.write("a", 1, "first run");
  await untilGot("a: first run");
  logs.end("a");
  logs.restart("a");
  logs.write("a", 2, "second run");
  update(memberOf("a", { restartCount: 1 }));
  await untilGot("a: first run", "a -- restarted", "a: second run");
});

test("a restart that the API reports late is noted once", async () => {
  follow();
  update(memberOf("a"));
  await untilFollowed("a");
  logs.write("a", 1, "first run");
  await untilGot("a: first run");
  logs.end("a");
  logs.restart("a");
  logs.write("a", 2, "second run");
  await untilGot("a: first run", "a: second run");
  update(memberOf("a", { restartCount: 1 }));
  await untilGot("a: first run", "a: second run", "a -- restarted");
  logs.write("a", 3, "more");
  await untilGot("a: first run", "a: second run", "a -- restarted", "a: more");
});

test("lines that a run wrote after its stream broke are read when the next run begins", async () => {
  follow();
  update(memberOf("a"));
  await untilFollowed("a");
  logs.write("a", 1, "one");
  await untilGot("a: one");
  logs.refusals.set("a", { status: 503, message: "the kubelet does not answer" });
  logs.cut("a");
  logs.write("a", 2, "last words");
  logs.restart("a");
  logs.write("a", 3, "hello again");
  await untilGot("a: one", "a -- interrupted");
  logs.refusals.clear();
  update(memberOf("a", { restartCount: 1 }));
  await untilGot("a: one", "a -- interrupted", "a: last words", "a -- restarted", "a: hello again");
});

test("a member that is no longer current is read to its end; other members and roles are not read", async () => {
  follow({ roles: ["head"] });
  update(
    memberOf("a", { role: "head" }),
    memberOf("b", { role: "worker" }),
    memberOf("c", { role: "head", state: "superseded" }),
  );
  await untilFollowed("a");
  update(memberOf("a", { role: "head", state: "superseded" }));
  logs.write("a", 1, "last words");
  logs.end("a");
  await untilGot("head: last words");
  update({ gone: memberOf("a", { role: "head" }) });
  expect([logs.followers("a"), logs.followers("b"), logs.followers("c")]).toEqual([0, 0, 0]);
  expect(new Set(logs.requests.map(({ path }) => path))).toEqual(new Set(["/api/v1/namespaces/ml/pods/a/log"]));
});

test("two members of one role and index are told apart by their pods", async () => {
  logs.write("a", 1, "1");
  logs.write("b", 2, "2");
  follow();
  update(memberOf("a", { role: "worker", index: "0" }), memberOf("b", { role: "worker", index: "0" }));
  await untilGot("worker 0: 1", "b: 2");
});

test("without the permission the reader gets the error that names it", async () => {
  const message =
    'pods "a" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "ml"';
  logs.refusals.set("a", { status: 403, message });
  follow();
  update(memberOf("a"));
  await vi.waitFor(() => expect(failure).toMatchObject({ code: "KINSYNC_CLUSTER_FORBIDDEN" }));
  expect(failure).toMatchObject({ details: { rule: { resources: ["pods/log"], verbs: ["get"] } } });
});

test("the end of the signal ends the streams and the reader's loop", async () => {
  follow();
  update(memberOf("a"));
  await untilFollowed("a");
  stop.abort(new Error("enough"));
  await vi.waitFor(() => expect(logs.followers("a")).toBe(0));
  const entries = followed.entries[Symbol.asyncIterator]();
  expect(await entries.next()).toEqual({ done: true, value: undefined });
});
