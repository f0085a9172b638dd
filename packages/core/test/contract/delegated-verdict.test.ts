import { expect, test } from "vitest";
import { delegatedVerdict } from "../../src/contract/index.ts";
import type { ChildRule, KubeObject, MemberState, OwnedPod, Pod } from "../../src/contract/index.ts";

const POD: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", uid: "p" }, spec: { containers: [] } };

function objectOf(kind: string, isDeleting = false): KubeObject {
  const deletion = isDeleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
  return { apiVersion: "apps/v1", kind, metadata: { name: kind.toLowerCase(), uid: kind, ...deletion } };
}

/** The answer for a pod below a ReplicaSet, a Deployment and a Revision, whose Deployment is judged by its own kind. */
function answer(state: MemberState, deleting: string): string | undefined {
  const owners = ["ReplicaSet", "Deployment", "Revision"].map((kind) => objectOf(kind, kind === deleting));
  const owned: OwnedPod = { pod: POD, owners, by: "owner" };
  const rule: ChildRule = {
    kind: "deployment",
    pod: () => ({ state, role: "web", reason: { code: "as-judged", message: "it is judged" } }),
    notes: [],
    roles: [],
  };
  const verdict = delegatedVerdict({ rule: ({ kind }) => (kind === "Deployment" ? rule : undefined) }, owned);
  expect(verdict?.role).toBe("web");
  return `${verdict?.state} ${verdict?.reason.code}`;
}

test.each(["Deployment", "Revision"])("a pod that would get files goes with its %s", (deleting) => {
  expect(answer("current", deleting)).toBe("terminating owner-deleting");
  expect(answer("kept", deleting)).toBe("terminating owner-deleting");
  expect(answer("unsettled", deleting)).toBe("terminating owner-deleting");
});

test("a pod that would get no files keeps the verdict of its kind", () => {
  expect(answer("superseded", "Deployment")).toBe("superseded as-judged");
  expect(answer("finished", "Deployment")).toBe("finished as-judged");
});

test("an owner below the child is left to the child's kind", () => {
  expect(answer("current", "ReplicaSet")).toBe("current as-judged");
  expect(answer("current", "none")).toBe("current as-judged");
});
