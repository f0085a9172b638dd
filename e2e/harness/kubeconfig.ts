import { readFile, writeFile } from "node:fs/promises";
import { parse } from "yaml";

/** Name of the context in kubeconfigs that situations write. */
export const CONTEXT = "e2e";

export interface KubeconfigParts {
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly user: Readonly<Record<string, unknown>>;
  readonly namespace: string;
}

/** Text of a kubeconfig with one context, `CONTEXT`. */
export function kubeconfigText({ cluster, user, namespace }: KubeconfigParts): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": CONTEXT,
    clusters: [{ name: CONTEXT, cluster }],
    users: [{ name: CONTEXT, user }],
    contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user: CONTEXT, namespace } }],
  });
}

/** Writes a kubeconfig that only its owner may read. @returns its path */
export async function writeKubeconfig(file: string, text: string): Promise<string> {
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

/** Server and credentials of a kubeconfig with one cluster and one user. */
export interface ApiServerRoute {
  readonly cluster: Readonly<Record<string, string | undefined>>;
  readonly user: Readonly<Record<string, string | undefined>>;
  readonly server: URL;
}

interface KubeconfigFile {
  readonly clusters: readonly [{ readonly cluster: ApiServerRoute["cluster"] }];
  readonly users: readonly [{ readonly user: ApiServerRoute["user"] }];
}

export async function readRoute(kubeconfig: string): Promise<ApiServerRoute> {
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as KubeconfigFile;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  return { cluster, user, server: new URL(cluster["server"] ?? "") };
}

/** A value of a cluster or user that is embedded as base64: `embedded(user, "client-key")`. */
export function embedded(part: ApiServerRoute["cluster"], name: string): Buffer | undefined {
  const data = part[`${name}-data`];
  return data === undefined ? undefined : Buffer.from(data, "base64");
}
