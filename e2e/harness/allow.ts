import { randomUUID } from "node:crypto";
import type { KubernetesObject } from "@kubernetes/client-node";
import type { Fixture } from "./fixture.ts";
import { ACCOUNT } from "./service-account.ts";

/** Allows kinsync what `kinsync rbac` prints for a workload, if the cluster has roles. */
export async function allow(fixture: Fixture, workload: string): Promise<void> {
  const { cluster, namespace } = fixture;
  if ((await cluster.lacks("rbac")) !== undefined) return;
  const bind = ["--name", `extra-${randomUUID()}`, "--bind-serviceaccount", `${namespace}:${ACCOUNT}`];
  const { code, stdout, stderr } = await fixture.start(["rbac", workload, ...bind, "-o", "json"], cluster.kubeconfig)
    .ended;
  if (code !== 0) throw new Error(`kinsync rbac ${workload} ended with ${code}: ${stdout}${stderr}`);
  const { items } = JSON.parse(stdout) as { readonly items: readonly KubernetesObject[] };
  await fixture.create(...items);
}
