import { expect, test } from "vitest";
import type { EngineEvent, Member, Resolution } from "@kinsync/core";
import { formatEvent } from "../src/render/lines.ts";
import { describeMembers } from "../src/render/members.ts";
import { formatSummary } from "../src/render/summary.ts";
import { createPrefix, NO_PREFIX } from "../src/render/workload-names.ts";

const paint = (_format: unknown, text: string): string => text;
const STYLE = { paint, prefixOf: NO_PREFIX };
const BASE = { time: "2026-01-01T00:00:00.000Z", workload: "jobset/train", namespace: "ml" };
const TARGET = { ...BASE, pod: "train-head-0-0", uid: "u1", container: "main", role: "head", index: "0/0" };

const GANG = { ...BASE, event: "gang", snapshot: 3, prepared: 4, needed: 5, members: 5 } as const;
const NO_SPACE = "pod/x, container main: no space is left on its file system";
const HOLDER = { target: "pod/x, container main", reason: NO_SPACE };

test.each<[EngineEvent, string | undefined]>([
  [{ ...GANG, phase: "preparing", waitingFor: [HOLDER] }, undefined],
  [{ ...GANG, phase: "released", waitingFor: [] }, undefined],
  [{ ...GANG, phase: "committed", waitingFor: [] }, undefined],
  [
    { ...GANG, phase: "held", waitingFor: [HOLDER] },
    "held snapshot 3: prepared 4 of 5, waiting for pod/x, container main: no space is left on its file system; no container shows it",
  ],
  [
    { ...GANG, needed: 4, prepared: 3, phase: "given-up", waitingFor: [HOLDER] },
    "given up snapshot 3: prepared 3 of 5 (4 are enough), waiting for pod/x, container main: no space is left on its file system; no container shows it. The next save or `kinsync trigger` tries again",
  ],
  [
    { ...GANG, phase: "rolled-back", waitingFor: [HOLDER] },
    "rolled back snapshot 3, did not reach pod/x, container main: no space is left on its file system; all containers return to the snapshot before",
  ],
  [
    { ...GANG, phase: "committed", waitingFor: [HOLDER] },
    "late snapshot 3, waiting for pod/x, container main: no space is left on its file system",
  ],
  [{ ...BASE, event: "ready", members: 5, targets: 5, synced: 4 }, "not ready: 4 of 5 containers up to date"],
  [
    {
      ...BASE,
      event: "member",
      pod: "p",
      uid: "u",
      role: "head",
      state: "superseded",
      code: "c",
      reason: "its Job is of attempt 0",
    },
    "member p (head): superseded (its Job is of attempt 0)",
  ],
  [
    {
      ...BASE,
      event: "snapshot",
      snapshot: 3,
      files: 120,
      bytes: 34_930,
      changed: 5,
      paths: ["a", "b", "c", "d", "e"],
      origin: "save",
      mappings: [
        {
          mapping: "m0",
          from: "src",
          to: "/app/src",
          files: 119,
          bytes: 1,
          changed: 5,
          paths: ["a", "b", "c", "d", "e"],
        },
        { mapping: "m1", from: "conf", to: "/etc/conf", files: 1, bytes: 1, changed: 1, paths: ["conf"] },
        { mapping: "m2", from: "lib", to: "/lib", files: 1, bytes: 1, changed: 0, paths: [] },
      ],
    },
    "a, b, c and 2 more changed (src -> /app/src); conf changed (conf -> /etc/conf)",
  ],
  [
    { ...TARGET, event: "synced", mapping: "src", snapshot: 3, files: 2, deleted: 1, bytes: 4096, duration: 8.2 },
    "up to date train-head-0-0 (head 0/0) [main]: snapshot 3, 2 entries, 4 KiB, 1 deleted, 8 ms",
  ],
  [
    { ...TARGET, event: "synced", mapping: "src", snapshot: 1, files: 0, deleted: 0, bytes: 0, duration: 8.2 },
    "up to date train-head-0-0 (head 0/0) [main]: snapshot 1, nothing to send, 8 ms",
  ],
  [
    {
      ...TARGET,
      event: "failed",
      code: "KINSYNC_TARGET_READ_ONLY",
      reason: "/app is read-only",
      hint: "Mount a volume.",
    },
    "failed KINSYNC_TARGET_READ_ONLY: train-head-0-0 (head 0/0) [main]: /app is read-only\n  hint: Mount a volume.",
  ],
  [
    { ...TARGET, event: "retry", code: "KINSYNC_TARGET_LOST", reason: "it was lost", hint: "", delay: 2000 },
    "out of date train-head-0-0 (head 0/0) [main]: it was lost; trying again in 2 s",
  ],
  [
    {
      ...BASE,
      event: "snapshot",
      snapshot: 1,
      files: 120,
      bytes: 34_930,
      changed: 120,
      paths: ["a"],
      mappings: [],
      origin: "save",
    },
    "local files: 120 files, 34.1 KiB",
  ],
  [
    { ...BASE, event: "ready", members: 0, targets: 0, synced: 0 },
    "ready: nothing to sync to, no running container matches",
  ],
  [
    { ...TARGET, event: "target", status: "waiting", reason: "waiting: not started" },
    "waiting train-head-0-0 (head 0/0) [main]: not started",
  ],
  [{ ...BASE, event: "halted", mapping: "src", reason: "src is empty" }, "stopped src: src is empty"],
  [{ ...TARGET, event: "target", status: "synced", reason: "" }, undefined],
  [
    { ...TARGET, event: "target", status: "waiting", reason: "CrashLoopBackOff" },
    "waiting train-head-0-0 (head 0/0) [main]: CrashLoopBackOff",
  ],
  [
    {
      ...TARGET,
      event: "run",
      command: "make",
      exitCode: 2,
      ok: false,
      output: "no\nrule\u001B[0m\n",
      duration: 5,
      reason: "",
    },
    "command failed: make in train-head-0-0 (head 0/0) [main]: exit code 2, 5 ms\n  | no\n  | rule",
  ],
  [
    { ...BASE, event: "note", code: "c", reason: "the JobSet is \u001B[31msuspended", hint: "Resume it." },
    "note: the JobSet is suspended\n  hint: Resume it.",
  ],
  [{ ...TARGET, event: "progress", mapping: "m", sent: 1, total: 2 }, undefined],
])("%o", (event, line) => {
  expect(formatEvent(event, STYLE)).toBe(line);
});

test.each([
  ["one workload", [{ workload: "deploy/web", namespace: "shop" }], ""],
  [
    "two names",
    [
      { workload: "deploy/web", namespace: "shop" },
      { workload: "deploy/api", namespace: "shop" },
    ],
    "deploy/web: ",
  ],
  [
    "one name in two namespaces",
    [
      { workload: "deploy/web", namespace: "shop" },
      { workload: "deploy/web", namespace: "blog" },
    ],
    "deploy/web (shop): ",
  ],
])("with %s a line starts with what tells its workload apart", (_what, workloads, prefix) => {
  const event = {
    ...BASE,
    workload: "deploy/web",
    namespace: "shop",
    event: "halted",
    mapping: "src",
    reason: "gone",
  } as const;
  expect(formatEvent(event, { paint, prefixOf: createPrefix(workloads) })).toBe(`${prefix}stopped src: gone`);
  const summary = {
    ...BASE,
    workload: "deploy/web",
    namespace: "shop",
    event: "summary",
    members: 1,
    targets: 1,
    synced: 1,
    stale: 0,
    failed: 0,
    halted: 0,
    waiting: 0,
    failedRuns: 0,
    unread: 0,
  } as const;
  expect(formatSummary(summary, paint, createPrefix(workloads)).startsWith(`${prefix}1 of 1`)).toBe(true);
});

function member(name: string, state: Member["state"], role?: string): Member {
  return {
    name,
    uid: name,
    namespace: "default",
    state,
    role,
    unsettled: false,
    index: undefined,
    labels: {},
    reason: { code: "c", message: "because" },
    by: "owner",
    owners: [],
    containers: [],
    defaultContainer: undefined,
    pod: { apiVersion: "v1", kind: "Pod", metadata: { name, uid: name }, spec: { containers: [] } },
  };
}

function resolution(members: readonly Member[], note?: string): Resolution {
  return {
    workload: {
      resource: { group: "jobset.x-k8s.io", version: "v1alpha2", kind: "JobSet", plural: "jobsets" },
      namespace: "default",
      name: "train",
    },
    kind: "jobset",
    root: { apiVersion: "jobset.x-k8s.io/v1alpha2", kind: "JobSet", metadata: { name: "train", uid: "r" } },
    members,
    memberCount: members.length,
    notes: note === undefined ? [] : [{ code: "n", message: note }],
    roles: undefined,
    problems: [],
  };
}

test("absence is a sentence", () => {
  expect(describeMembers(resolution([], "the JobSet is suspended"))).toBe(
    "JobSet train has no pods: the JobSet is suspended",
  );
  expect(describeMembers(resolution([]))).toBe("JobSet train has no pods");
  expect(describeMembers({ ...resolution([]), root: undefined })).toBe("JobSet train does not exist");
  const three = [member("a", "finished"), member("b", "finished"), member("c", "terminating")];
  expect(describeMembers(resolution(three, "the JobSet is suspended"))).toBe(
    "0 of 3 members are current: the JobSet is suspended",
  );
  expect(describeMembers(resolution(three))).toBe("0 of 3 members are current: 2 finished, 1 terminating");
  expect(describeMembers(resolution([member("a", "current"), member("b", "kept")]))).toBeUndefined();
});
