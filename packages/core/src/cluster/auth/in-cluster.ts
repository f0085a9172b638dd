import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ANONYMOUS, type ChosenContext, type Environment } from "./kubeconfig.ts";

/** Name of the context inside a pod. */
export const IN_CLUSTER = "in-cluster";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The service account that the kubelet mounts into a pod; `undefined` outside of a pod. */
export async function loadInCluster(options: {
  readonly env: Environment;
  readonly serviceAccount?: string;
}): Promise<ChosenContext | undefined> {
  const host = options.env["KUBERNETES_SERVICE_HOST"];
  const port = options.env["KUBERNETES_SERVICE_PORT"];
  if (host === undefined || host === "" || port === undefined || port === "") return undefined;
  const folder = options.serviceAccount ?? SERVICE_ACCOUNT;
  const [token, namespace] = await Promise.all([readIfThere(folder, "token"), readIfThere(folder, "namespace")]);
  if (token === undefined) return undefined;
  return {
    name: IN_CLUSTER,
    namespace: options.env["POD_NAMESPACE"] ?? (namespace?.trim() || "default"),
    cluster: {
      name: IN_CLUSTER,
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      tlsServerName: undefined,
      insecureSkipTlsVerify: false,
      certificateAuthority: join(folder, "ca.crt"),
      certificateAuthorityData: undefined,
      proxyUrl: undefined,
      disableCompression: false,
      execConfig: undefined,
    },
    user: { ...ANONYMOUS, name: IN_CLUSTER, tokenFile: join(folder, "token") },
  };
}

async function readIfThere(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), "utf8");
  } catch {
    return undefined;
  }
}
