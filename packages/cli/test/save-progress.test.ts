import { expect, test } from "vitest";
import type { EngineView, SyncedEvent, TargetView } from "@kinsync/core";
import { SaveProgress } from "../src/render/save-progress.ts";

function synced(pod: string, namespace: string, mapping: string, duration: number): SyncedEvent {
  const workload = { time: "", workload: "deploy/web", namespace };
  return {
    ...workload,
    event: "synced",
    pod,
    uid: pod,
    container: "main",
    mapping,
    snapshot: 5,
    files: 1,
    deleted: 0,
    bytes: 1,
    duration,
  };
}

function target(pod: string, mappings: readonly string[], status: TargetView["status"] = "synced"): TargetView {
  return {
    pod,
    uid: pod,
    container: "main",
    containerId: "c",
    mappings,
    status,
    snapshot: 5,
    files: 1,
    duration: 1,
    reason: "",
  };
}

function view(namespace: string, targets: readonly TargetView[]): EngineView["workloads"][number] {
  return { name: "deploy/web", namespace, mappings: [], resolution: undefined, snapshot: 5, targets };
}

const WEB = { workload: "deploy/web", namespace: "shop" };

test("a save counts only targets whose mappings received files", () => {
  const saves = new SaveProgress();
  saves.received(synced("head", "shop", "head.py", 9));
  const targets = [target("head", ["head.py", "src"]), ...["a", "b", "c"].map((pod) => target(pod, ["src"]))];
  expect(saves.complete(WEB, [view("shop", targets)])).toEqual({ received: 1, targets: 1, slowest: 9 });
});

test("a save is complete once, and not before every target is up to date", () => {
  const saves = new SaveProgress();
  saves.received(synced("a", "shop", "src", 9));
  expect(saves.complete(WEB, [view("shop", [target("a", ["src"]), target("b", ["src"], "syncing")])])).toBeUndefined();
  saves.received(synced("b", "shop", "src", 12));
  const all = [view("shop", [target("a", ["src"]), target("b", ["src"])])];
  expect(saves.complete(WEB, all)).toEqual({ received: 2, targets: 2, slowest: 12 });
  expect(saves.complete(WEB, all)).toBeUndefined();
});

test("two workloads of one name in two namespaces do not mix", () => {
  const saves = new SaveProgress();
  saves.received(synced("a", "shop", "src", 9));
  saves.received(synced("b", "blog", "src", 400));
  const views = [view("blog", [target("b", ["src"])]), view("shop", [target("a", ["src"])])];
  expect(saves.complete(WEB, views)).toEqual({ received: 1, targets: 1, slowest: 9 });
  expect(saves.complete({ ...WEB, namespace: "blog" }, views)).toMatchObject({ received: 1, targets: 1, slowest: 400 });
});
