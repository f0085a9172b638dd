import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RbacV1Subject, V1Role, V1RoleBinding } from "@kubernetes/client-node";
import { parse } from "yaml";
import { kubeconfigText } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";

/** Name of the service account that kinsync runs as, of its Role and of its RoleBinding. */
export const ACCOUNT = "kinsync";

interface KubeconfigView {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, unknown>> }[];
}

/** The Role of docs/guides/first-steps.md: kinsync has to work with exactly these rules. */
export async function documentedRole(): Promise<V1Role> {
  const guide = await readFile(join(import.meta.dirname, "../../docs/guides/first-steps.md"), "utf8");
  const block = /```yaml\n(apiVersion: rbac[^]*?)```/.exec(guide)?.[1];
  if (block === undefined) throw new Error("docs/guides/first-steps.md contains no Role");
  return parse(block) as V1Role;
}

/** Binds the Role to a subject. Default: the service account of the namespace. */
export function roleBinding(
  namespace: string,
  name: string = ACCOUNT,
  subject: RbacV1Subject = { kind: "ServiceAccount", name: ACCOUNT, namespace },
): V1RoleBinding {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: ACCOUNT },
    subjects: [subject],
  };
}

/** Creates a service account with the rules of the guide's Role and no others. @returns text of its kubeconfig */
export async function createServiceAccount(kubectl: Kubectl, namespace: string): Promise<string> {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: ACCOUNT } };
  await kubectl.create(account, await documentedRole(), roleBinding(namespace));
  const token = (await kubectl.run(["create", "token", ACCOUNT, "--duration", "2h"])).trim();
  const view = await kubectl.run(["config", "view", "--raw", "--flatten", "--minify", "-o", "json"]);
  const cluster = (JSON.parse(view) as KubeconfigView).clusters[0]?.cluster;
  return kubeconfigText({ cluster: cluster ?? {}, user: { token }, namespace });
}
