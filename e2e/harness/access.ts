import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { Kubectl } from "./kubectl.ts";
import type { NewObject } from "./objects.ts";

/** Name of the user that kinsync runs as, of the Role and of the RoleBinding. */
export const ACCOUNT = "kinsync";

/** Name of the context in kubeconfigs made here. */
export const CONTEXT = "e2e";

interface KubeconfigFile {
  readonly clusters: readonly { readonly name: string; readonly cluster: Readonly<Record<string, unknown>> }[];
}

/** The Role that docs/guides/first-steps.md tells people to make: kinsync has to do with exactly that. */
export async function documentedRole(): Promise<NewObject> {
  const guide = await readFile(join(import.meta.dirname, "../../docs/guides/first-steps.md"), "utf8");
  const block = /```yaml\n(apiVersion: rbac[^]*?)```/.exec(guide)?.[1];
  if (block === undefined) throw new Error("docs/guides/first-steps.md shows no Role");
  return parse(block) as NewObject;
}

export function roleBinding(namespace: string): NewObject {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: ACCOUNT },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: ACCOUNT },
    subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace }],
  };
}

/** Makes a user that may do what the guide's Role allows and nothing else. @returns text of its kubeconfig */
export async function makeAccount(kubectl: Kubectl, namespace: string): Promise<string> {
  const account: NewObject = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: ACCOUNT } };
  await kubectl.create(account, await documentedRole(), roleBinding(namespace));
  const token = (await kubectl.run(["create", "token", ACCOUNT, "--duration", "2h"])).trim();
  const view = await kubectl.run(["config", "view", "--raw", "--flatten", "--minify", "-o", "json"]);
  const cluster = (JSON.parse(view) as KubeconfigFile).clusters[0]?.cluster;
  return kubeconfigOf({ cluster: cluster ?? {}, user: { token }, namespace });
}

export interface KubeconfigParts {
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly user: Readonly<Record<string, unknown>>;
  readonly namespace: string;
}

/** Text of a kubeconfig with one context, `CONTEXT`. */
export function kubeconfigOf({ cluster, user, namespace }: KubeconfigParts): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": CONTEXT,
    clusters: [{ name: CONTEXT, cluster }],
    users: [{ name: CONTEXT, user }],
    contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user: CONTEXT, namespace } }],
  });
}

/** Writes a kubeconfig that only its owner may read. */
export async function writeKubeconfig(file: string, text: string): Promise<string> {
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
