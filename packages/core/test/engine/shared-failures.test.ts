import { expect, test } from "vitest";
import { errorOfStatus } from "../../src/contract/status.ts";
import { SharedFailures } from "../../src/engine/shared-failures.ts";
import { KinsyncError } from "../../src/errors/error.ts";

function forbidden(pod: string): KinsyncError {
  const message = `pods "${pod}" is forbidden: User "dev" cannot get resource "pods/exec" in API group "" in the namespace "ml"`;
  return errorOfStatus({ kind: "Status", code: 403, message }, `exec into pod ml/${pod}`);
}

test("25 targets without the right to exec are told in one sentence that names no pod, with the rule", () => {
  const told: KinsyncError[] = [];
  const failures = new SharedFailures((error) => told.push(error));
  for (let i = 0; i < 25; i += 1) failures.failed({ i }, forbidden(`web-${i}`));
  expect(told.map(({ message }) => message)).toEqual([
    "Cannot exec into pods in namespace ml: the user has no right to pods/exec",
  ]);
  expect(told[0]?.hint).toContain('resources: ["pods/exec"], verbs: ["get", "create"]');
});

test("the missing right is an obstacle only while no running target can be reached", () => {
  const failures = new SharedFailures(() => undefined);
  const [a, b] = [{}, {}];
  failures.failed(a, forbidden("a"));
  expect(failures.obstacle(2)).toBeUndefined();
  failures.failed(b, forbidden("b"));
  expect(failures.obstacle(2)).toMatchObject({ code: "KINSYNC_CLUSTER_FORBIDDEN", isFinal: true });
  failures.forget(b);
  expect(failures.obstacle(1)).toBeDefined();
  failures.reached(a);
  expect(failures.obstacle(1)).toBeUndefined();
});

test("a failing login is told once, and again after a target was reached in between", () => {
  const told: KinsyncError[] = [];
  const failures = new SharedFailures((error) => told.push(error));
  const error = new KinsyncError("KINSYNC_CLUSTER_CREDENTIALS", "the plugin failed");
  for (let i = 0; i < 10; i += 1) failures.failed({ i }, error);
  expect(told).toHaveLength(1);
  failures.reached({});
  failures.failed({}, error);
  expect(told).toHaveLength(2);
});
