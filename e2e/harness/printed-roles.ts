import { expect } from "vitest";
import type { Fixture } from "./fixture.ts";
import { ACCOUNT } from "./service-account.ts";

/** The roles that `kinsync rbac` prints are all that kinsync gets besides those of the guide. @param args workloads and options */
export async function grantPrintedRoles(fixture: Fixture, ...args: readonly string[]): Promise<void> {
  const { cluster, kubectl, namespace } = fixture;
  if ((await cluster.lacks("rbac")) !== undefined) return;
  const account = `${namespace}:${ACCOUNT}`;
  const printed = await fixture.start(["rbac", ...args, "--name", "printed", "--bind-serviceaccount", account]).ended;
  expect(printed.code, printed.stderr).toBe(0);
  await kubectl.run(["apply", "-f", "-"], { input: printed.stdout });
}
