import { expect, test } from "vitest";
import { WorkloadEmitter } from "../../src/engine/emit.ts";
import type { EngineEvent } from "../../src/engine/events.ts";

test("a target's note is emitted once for each code, whatever the path", () => {
  const events: EngineEvent[] = [];
  const emitter = new WorkloadEmitter("deployment/web", "default", (event) => events.push(event));
  const target = { namespace: "default", pod: "web-0", podUid: "u", container: "main", containerId: "c" };
  const first = { key: "u main c", target };
  emitter.targetNote(first, { code: "owner", path: "a", message: "/app/a: its owner could not be set" });
  emitter.targetNote(first, { code: "owner", path: "b", message: "/app/b: its owner could not be set" });
  emitter.targetNote(first, { code: "mode", message: "/app: a mode" });
  emitter.targetNote({ ...first, key: "other" }, { code: "owner", message: "/app/a" });
  expect(events.map((event) => (event.event === "note" ? [event.code, event.reason] : []))).toEqual([
    ["owner", "pod/web-0, container main: /app/a: its owner could not be set"],
    ["mode", "pod/web-0, container main: /app: a mode"],
    ["owner", "pod/web-0, container main: /app/a"],
  ]);
});
