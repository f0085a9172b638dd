import { expect, test } from "vitest";
import { pluralOf } from "../../src/text/plural.ts";

test.each([
  ["Deployment", "deployments"],
  ["NetworkPolicy", "networkpolicies"],
  ["Gateway", "gateways"],
  ["Ingress", "ingresses"],
  ["Sandbox", "sandboxes"],
])("the plural of %s is %s", (kind, plural) => {
  expect(pluralOf(kind)).toBe(plural);
});
