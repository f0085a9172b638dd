import type { EngineEvent, EngineView, Member, Resolution, TargetView } from "@kinsync/core";
import { expect, test } from "vitest";
import { formatShared } from "../src/commands/tree.ts";
import { formatEvent } from "../src/render/lines.ts";
import { formatMemberRows } from "../src/render/member-rows.ts";
import { NO_PREFIX } from "../src/render/workload-names.ts";

const paint = (_format: unknown, text: string): string => text;
const TARGET = { pod: "web-1", uid: "web-1", container: "main" };

test.each<[members: number, containers: number, line: string]>([
  [3, 3, "/app/src is shared by 3 members (pvc:ml/code:/)"],
  [1, 2, "/app/src is shared by 2 containers (pvc:ml/code:/)"],
])("a folder of %i members and %i containers is shown as shared", (members, containers, line) => {
  expect(formatShared({ path: "/app/src", place: "pvc:ml/code:/", members, containers })).toBe(line);
});

test("a sync through another target names it", () => {
  const event: EngineEvent = {
    event: "synced",
    time: "2026-01-01T00:00:00.000Z",
    workload: "deploy/web",
    namespace: "ml",
    ...TARGET,
    mapping: "m",
    snapshot: 2,
    files: 0,
    deleted: 0,
    bytes: 0,
    duration: 8,
    place: "pvc:ml/code:/",
    sharedWith: 2,
    through: "pod/web-0, container main",
  };
  expect(formatEvent(event, { paint, prefixOf: NO_PREFIX })).toContain("written through pod/web-0, container main");
});

test.each<[members: number, sharedWith: number, text: string]>([
  [3, 2, "shared by 3 members"],
  [1, 1, "shared by 2 containers"],
])("the rows show that %i members share a target's files", (members, sharedWith, text) => {
  const target: TargetView = {
    ...TARGET,
    containerId: "x",
    mappings: ["m"],
    status: "synced",
    snapshot: 3,
    files: 2,
    duration: 8,
    reason: "",
    shared: [{ mapping: "m", place: "pvc:ml/code:/", sharedWith, members }],
  };
  const member = { name: "web-1", uid: "web-1", state: "current", reason: { code: "c", message: "r" } } as Member;
  const ref = { resource: { kind: "Deployment" }, namespace: "ml", name: "web" };
  const resolution = {
    workload: ref,
    members: [member],
    memberCount: 1,
    notes: [],
    problems: [],
    root: {},
  } as unknown as Resolution;
  const workload: EngineView["workloads"][number] = {
    name: "deploy/web",
    namespace: "ml",
    resolution,
    mappings: [],
    snapshot: 3,
    targets: [target],
  };
  const lines = formatMemberRows(workload, paint, 120);
  expect(lines.at(-1)).toMatch(new RegExp(`${text}$`));
});
