import { expect, test } from "vitest";
import { checkContextAllowed, isLocalContext } from "../../src/project/consent.ts";
import { thrown } from "../config/support/folder.ts";

test.each([
  "kind-dev",
  "k3d-x",
  "minikube",
  "docker-desktop",
  "rancher-desktop",
  "orbstack",
  "kinsync-playground",
  "playground",
])("%s is local and may be written to", (context) => {
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
])("%s is refused with the ways to allow it", (context) => {
  expect(thrown(() => checkContextAllowed({ context, named: undefined, allowed: [] }))).toMatchObject({
    code: "KINSYNC_CLUSTER_CONTEXT_REFUSED",
    hint: `To allow it: --context ${context}, or contexts: ["${context}"] in the config.`,
  });
});

test("naming a context allows it, and so does the config", () => {
  expect(() => checkContextAllowed({ context: "prod", named: "prod", allowed: [] })).not.toThrow();
  expect(() => checkContextAllowed({ context: "prod", named: undefined, allowed: ["prod"] })).not.toThrow();
  expect(() => checkContextAllowed({ context: "prod", named: undefined, allowed: ["other"] })).toThrow("prod");
});
