import { expect, test } from "vitest";
import { errorOfStatus } from "../../src/contract/status.ts";
import { ClusterTrouble } from "../../src/engine/cluster-trouble.ts";
import { KinsyncError } from "../../src/errors/error.ts";

function forbidden(pod: string): KinsyncError {
  const message = `pods "${pod}" is forbidden: User "dev" cannot get resource "pods/exec" in API group "" in the namespace "ml"`;
  return errorOfStatus({ kind: "Status", code: 403, message }, `exec into pod ml/${pod}`);
}

test("25 targets without the right to exec are told in one sentence that names no pod, with the rule", () => {
  const told: KinsyncError[] = [];
  const trouble = new ClusterTrouble((error) => told.push(error));
  for (let i = 0; i < 25; i += 1) trouble.failed({ i }, forbidden(`web-${i}`));
  expect(told.map(({ message }) => message)).toEqual([
    "Cannot exec into pods in namespace ml: the user has no right to pods/exec",
  ]);
  expect(told[0]?.hint).toContain('resources: ["pods/exec"], verbs: ["get", "create"]');
});

test("the missing right is an obstacle only while no running target can be reached", () => {
  const trouble = new ClusterTrouble(() => undefined);
  const [a, b] = [{}, {}];
  trouble.failed(a, forbidden("a"));
  expect(trouble.obstacle(2)).toBeUndefined();
  trouble.failed(b, forbidden("b"));
  expect(trouble.obstacle(2)).toMatchObject({ code: "KINSYNC_CLUSTER_FORBIDDEN", isFinal: true });
  trouble.forget(b);
  expect(trouble.obstacle(1)).toBeDefined();
  trouble.reached(a);
  expect(trouble.obstacle(1)).toBeUndefined();
});

test("a failing login is told once, and again after a target was reached in between", () => {
  const told: KinsyncError[] = [];
  const trouble = new ClusterTrouble((error) => told.push(error));
  const error = new KinsyncError("KINSYNC_CLUSTER_CREDENTIALS", "the plugin failed");
  for (let i = 0; i < 10; i += 1) trouble.failed({ i }, error);
  expect(told).toHaveLength(1);
  trouble.reached({});
  trouble.failed({}, error);
  expect(told).toHaveLength(2);
});
