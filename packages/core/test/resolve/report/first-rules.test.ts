import { expect, test } from "vitest";
import type { KubeObject } from "../../../src/contract/resource.ts";
import { differingLabels, firstRules } from "../../../src/resolve/report/first-rules.ts";
import type { Resolution } from "../../../src/resolve/resolution.ts";

const JOBS = { root: { group: "batch", version: "v1", kind: "Job", plural: "jobs" } };

function owner(apiVersion: string, kind: string): KubeObject {
  return { apiVersion, kind, metadata: { name: kind, uid: kind } };
}

/** A resolution of a Proxy with one member for each list of owners. */
function resolution(...owners: readonly (readonly KubeObject[])[]): Resolution {
  const members = owners.map((list, at) => ({
    owners: list,
    pod: { metadata: { labels: { app: "x", index: String(at) } } },
  }));
  const resource = { group: "example.com", version: "v1", kind: "Proxy", plural: "proxies" };
  return { workload: { resource, namespace: "default", name: "p" }, members } as unknown as Resolution;
}

const ROOT = { group: "example.com", version: "v1", kind: "Proxy" };

test("pods that the root owns itself need no more than name and root", () => {
  expect(firstRules(resolution([], []), [JOBS])).toEqual({ name: "proxy", root: ROOT });
});

test("children with a kind are left to it, each resource once", () => {
  const job = owner("batch/v1", "Job");
  expect(firstRules(resolution([job], [job], []), [JOBS])).toEqual({
    name: "proxy",
    root: ROOT,
    children: [{ group: "batch", version: "v1", kind: "Job", delegate: true }],
  });
});

test("below a child without a kind every owner is watched", () => {
  const [shard, group] = [owner("example.com/v1", "Shard"), owner("example.com/v1beta1", "Group")];
  expect(firstRules(resolution([shard, group]), [JOBS])).toEqual({
    name: "proxy",
    root: ROOT,
    watches: [{ group: "example.com", version: "v1", kind: "Shard" }],
    children: [{ group: "example.com", version: "v1beta1", kind: "Group" }],
  });
});

test("a plural that cannot be guessed is given", () => {
  const of = resolution([]);
  const workload = { ...of.workload, resource: { ...of.workload.resource, plural: "proxys", namespaced: false } };
  expect(firstRules({ ...of, workload }, []).root).toEqual({ ...ROOT, plural: "proxys", namespaced: false });
});

test("labels in which members differ are named", () => {
  const { members } = resolution([], []);
  expect(differingLabels(members)).toEqual(["index"]);
});
