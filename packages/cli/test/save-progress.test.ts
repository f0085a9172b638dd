import { expect, test } from "vitest";
import type { EngineView, SnapshotEvent, SyncedEvent, TargetView } from "@kinsync/core";
import { formatSave, SaveProgress } from "../src/render/save-progress.ts";

const WEB = { workload: "deploy/web", namespace: "shop" };

function snapshot(number: number, paths: readonly string[], changed = paths.length): SnapshotEvent {
  return {
    ...WEB,
    time: "",
    event: "snapshot",
    snapshot: number,
    files: 14,
    bytes: 9,
    changed,
    paths,
    mappings: [],
    origin: "save",
  };
}

function synced(pod: string, more: Partial<SyncedEvent> = {}): SyncedEvent {
  return {
    ...WEB,
    time: "",
    event: "synced",
    pod,
    uid: pod,
    container: "main",
    mapping: "src",
    snapshot: 5,
    files: 1,
    deleted: 0,
    bytes: 1,
    duration: 9,
    ...more,
  };
}

function target(
  pod: string,
  status: TargetView["status"] = "synced",
  mappings: readonly string[] = ["src"],
): TargetView {
  const containerId = status === "waiting" ? undefined : "c";
  const facts = { snapshot: 5, files: 1, duration: 1, reason: "" };
  return { pod, uid: pod, container: "main", containerId, mappings, status, ...facts };
}

function view(targets: readonly TargetView[], namespace = "shop"): EngineView["workloads"][number] {
  return { name: "deploy/web", namespace, mappings: [], resolution: undefined, snapshot: 5, targets };
}

function sentence(saves: SaveProgress, targets: readonly TargetView[]): string | undefined {
  const save = saves.complete(WEB, [view(targets)]);
  return save && formatSave(save);
}

test("a save is one sentence once every container has it", () => {
  const saves = new SaveProgress();
  saves.changed(snapshot(5, ["app.py"]));
  saves.received(synced("a"));
  expect(sentence(saves, [target("a"), target("b", "syncing"), target("c")])).toBeUndefined();
  saves.received(synced("b", { duration: 18 }));
  saves.received(synced("c"));
  const all = [target("a"), target("b"), target("c")];
  expect(sentence(saves, all)).toBe("app.py is in all 3 containers (18 ms)");
  expect(sentence(saves, all)).toBeUndefined();
});

test("containers that failed, stopped or do not run do not hold the sentence up", () => {
  const saves = new SaveProgress();
  saves.changed(snapshot(5, ["app.py"]));
  saves.received(synced("a"));
  const targets = [target("a"), target("b", "failed"), target("c", "halted"), target("d", "waiting")];
  expect(sentence(saves, targets)).toBe("app.py is in 1 of 3 containers (9 ms)");
});

test("only containers of the mappings that received files count", () => {
  const saves = new SaveProgress();
  saves.changed(snapshot(5, ["head.yaml"]));
  saves.received(synced("head", { mapping: "head.yaml" }));
  const targets = [target("head", "synced", ["head.yaml", "src"]), ...["a", "b"].map((pod) => target(pod))];
  expect(sentence(saves, targets)).toBe("head.yaml is in the container (9 ms)");
});

test.each<[string, readonly string[], number, Partial<SyncedEvent>, string]>([
  ["two files", ["a.py", "b.py"], 2, { files: 2 }, "a.py and b.py are in the container (9 ms)"],
  ["many files", ["a", "b", "c", "d"], 24, { files: 24 }, "a, b, c and 21 more are in the container (9 ms)"],
  ["a removed file", ["a.py"], 1, { files: 0, deleted: 1 }, "a.py deleted from the container (9 ms)"],
  ["both", ["a.py", "b.py"], 2, { files: 1, deleted: 1 }, "a.py and b.py are in the container, 1 deleted (9 ms)"],
  ["what is there already", ["a.py"], 1, { files: 0 }, "a.py is already in the container (9 ms)"],
])("%s", (_what, paths, changed, stats, expected) => {
  const saves = new SaveProgress();
  saves.changed(snapshot(5, paths, changed));
  saves.received(synced("a", stats));
  expect(sentence(saves, [target("a")])).toBe(expected);
});

test("the first snapshot counts files", () => {
  const saves = new SaveProgress();
  saves.changed(snapshot(1, ["a"], 14));
  saves.received(synced("a", { files: 14, bytes: 2048, snapshot: 1 }));
  expect(sentence(saves, [target("a")])).toBe("14 files are in the container (2 KiB, 9 ms)");
});

test("a container that came late is named", () => {
  const saves = new SaveProgress();
  saves.received(synced("web-late", { files: 14 }));
  expect(sentence(saves, [target("a"), target("web-late")])).toBe("web-late is up to date (14 files, 9 ms)");
});

test("two saves that one container received together are one sentence", () => {
  const saves = new SaveProgress();
  saves.changed(snapshot(5, ["a.py"]));
  saves.changed(snapshot(6, ["b.py"]));
  saves.received(synced("a", { files: 2 }));
  expect(sentence(saves, [target("a")])).toBe("a.py and b.py are in the container (9 ms)");
});

test("two workloads of one name in two namespaces do not mix", () => {
  const saves = new SaveProgress();
  saves.received(synced("a"));
  saves.received(synced("b", { namespace: "blog", duration: 400 }));
  const views = [view([target("b")], "blog"), view([target("a")])];
  expect(saves.complete(WEB, views)).toMatchObject({ received: 1, slowest: 9 });
  expect(saves.complete({ ...WEB, namespace: "blog" }, views)).toMatchObject({ received: 1, slowest: 400 });
});
