import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type { KindDefinition, KindView, KubeObject, OwnedPod, Verdict } from "@kinsync/core/contract";
import { kindConformance } from "@kinsync/core/testing";
import type { KindCase, KindConformanceOptions } from "@kinsync/core/testing";
import { failuresOf } from "./failures.ts";

export const SET = { group: "example.com", version: "v1", kind: "Set", plural: "sets" };
export const GROUP = { group: "example.com", version: "v1", kind: "Group", plural: "groups" };

/** A sound kind: a Set owns Groups, a Group owns pods, and those of the Group that the status names are current. */
export const sound: KindDefinition = {
  name: "set",
  root: SET,
  watches: () => ({ watches: [{ resource: GROUP, optional: true }] }),
  matchesByLabels: (root, pod) => pod.metadata.labels?.["set-uid"] === root.metadata.uid,
  judge: (view) => ({
    pod: (owned) => verdictOf(owned, isActive(view, owned)),
    ...(view.owned.length === 0 && view.missing.length === 0
      ? { notes: [{ code: "no-groups", message: "it has no groups" }] }
      : {}),
  }),
};

export function isActive(view: KindView, owned: OwnedPod): boolean {
  return owned.by === "labels" || owned.owners[0]?.metadata.name === view.root.status?.["active"];
}

/** Of a pod that may have ended. */
export function verdictOf({ pod }: OwnedPod, current: boolean): Verdict {
  return verdictOfInactivePod(pod) ?? verdict(current);
}

export function verdict(current: boolean): Verdict {
  return {
    state: current ? "current" : "superseded",
    reason: { code: current ? "in-group" : "not-in-group", message: "its group was compared", evidence: { current } },
  };
}

export const root: KubeObject = {
  apiVersion: "example.com/v1",
  kind: "Set",
  metadata: { name: "s", uid: "s-1" },
  status: { active: "green" },
};
export const green = object("Group", "green", root, 1);
export const blue = object("Group", "blue", root, 2);
export const stranger = object("Group", "green", { ...root, metadata: { name: "s", uid: "s-0" } }, 3, "green-0");
export const subject: KindCase = {
  name: "two groups",
  root,
  objects: [green, blue, stranger, pod("g", green, 4), pod("b", blue, 5), pod("x", stranger, 6)],
  members: [
    { pod: "g", state: "current", reason: "in-group" },
    { pod: "b", state: "superseded", reason: "not-in-group" },
  ],
};

export function object(kind: string, name: string, owner: KubeObject, second: number, uid = name): KubeObject {
  const { apiVersion } = owner;
  return {
    apiVersion: kind === "Pod" ? "v1" : "example.com/v1",
    kind,
    metadata: {
      name,
      uid,
      creationTimestamp: `2026-01-01T00:00:0${second}Z`,
      labels: { group: owner.metadata.name, "set-uid": "s-1" },
      ownerReferences: [
        { apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid, controller: true },
      ],
    },
    status: {},
  };
}

export function pod(name: string, owner: KubeObject, second: number): KubeObject {
  return { ...object("Pod", name, owner, second), spec: { containers: [] }, status: { phase: "Running" } };
}

/** The requirements that the changed kind fails, with the reasons. */
export function broken(
  change: Partial<KindDefinition>,
  cases: readonly KindCase[] = [subject],
  options: Omit<KindConformanceOptions, "test"> = {},
): Record<string, string> {
  return failuresOf(defineKind({ ...sound, ...change }), cases, options);
}

/** The requirements that the kit checks of a kind with one case. */
export function checked(change: Partial<KindDefinition>): readonly string[] {
  const names = new Set<string>();
  const kind = defineKind({ ...sound, ...change });
  kindConformance(kind, [subject], { test: (name) => names.add(name.split(": ").at(-1) ?? name) });
  return [...names];
}
