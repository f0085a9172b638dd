import { expect, test } from "vitest";
import { isKinsyncError } from "@kinsync/core/contract";
import { checkContextAllowed, isLocalContext } from "../src/setup/context.ts";

test.each([
  "kind-dev",
  "k3d-x",
  "minikube",
  "docker-desktop",
  "rancher-desktop",
  "orbstack",
  "kinsync-playground",
  "playground",
])("%s is local", (context) => {
  expect(isLocalContext(context)).toBe(true);
  expect(() => checkContextAllowed({ context, named: undefined, allowed: [] })).not.toThrow();
});

test.each([
  "kind",
  "kindly-prod",
  "production",
  "arn:aws:eks:eu-west-1:1:cluster/x",
  "in-cluster",
  "minikube-prod",
  "my-kind-dev",
])("%s is not, and refused with the ways to allow it", (context) => {
  let error: unknown;
  try {
    checkContextAllowed({ context, named: undefined, allowed: [] });
  } catch (thrown) {
    error = thrown;
  }
  expect(isKinsyncError(error) && error.code).toBe("KINSYNC_CLUSTER_CONTEXT_REFUSED");
  expect(isKinsyncError(error) && error.hint).toBe(
    `If you mean it: --context ${context}, or contexts: ["${context}"] in the config.`,
  );
});

test("naming a context is consent, and so is the config", () => {
  expect(() => checkContextAllowed({ context: "prod", named: "prod", allowed: [] })).not.toThrow();
  expect(() => checkContextAllowed({ context: "prod", named: undefined, allowed: ["prod"] })).not.toThrow();
  expect(() => checkContextAllowed({ context: "prod", named: undefined, allowed: ["other"] })).toThrow("prod");
});
