import { KinsyncError } from "../../errors/error.ts";
import type { AuthProviderEntry, ExecEntry, KubeconfigCluster, KubeconfigUser } from "./kubeconfig.ts";

/** Refuses a cluster entry that kubectl refuses (clientcmd/validation.go). The server and the proxy are checked by those who parse them. */
export function checkCluster(cluster: KubeconfigCluster): void {
  const { certificateAuthority, certificateAuthorityData, insecureSkipTlsVerify } = cluster;
  const wrong = (why: string): KinsyncError =>
    new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `The cluster "${cluster.name}" of the kubeconfig ${why}`, {
      hint: `Remove one of them: kubectl config set-cluster ${cluster.name} --help`,
    });
  if (certificateAuthority !== undefined && certificateAuthorityData !== undefined) {
    throw wrong("has both certificate-authority and certificate-authority-data");
  }
  const hasAuthority = certificateAuthority !== undefined || certificateAuthorityData !== undefined;
  if (hasAuthority && insecureSkipTlsVerify) throw wrong("has a certificate-authority and insecure-skip-tls-verify");
}

/** Refuses a user entry that kubectl refuses (clientcmd/validation.go). */
export function checkUser(user: KubeconfigUser): void {
  const wrong = (why: string, hint: string): KinsyncError =>
    new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `The user "${user.name}" of the kubeconfig ${why}`, { hint });
  const hasLogin = user.username !== undefined || user.password !== undefined;
  if (user.token !== undefined && hasLogin) {
    throw wrong("has a token and a username or password", "Remove one of them: only one way to log in is allowed.");
  }
  if (user.clientCertificate !== undefined && user.clientCertificateData !== undefined) {
    throw wrong("has both client-certificate and client-certificate-data", "Remove one of them.");
  }
  if (user.clientKey !== undefined && user.clientKeyData !== undefined) {
    throw wrong("has both client-key and client-key-data", "Remove one of them.");
  }
  const hasMore =
    user.impersonateUid !== undefined ||
    user.impersonateGroups.length > 0 ||
    Object.keys(user.impersonateExtra).length > 0;
  if (hasMore && user.impersonate === undefined) {
    throw wrong("has as-uid, as-groups or as-user-extra without as", "Add the user to impersonate: as, or --as NAME.");
  }
  const missing = user.authProvider === undefined ? undefined : missingInOidc(user.authProvider);
  if (missing !== undefined) {
    throw wrong(
      `has an auth-provider oidc without ${missing}`,
      "Log in again with the tool that made this kubeconfig.",
    );
  }
  if (user.exec !== undefined) {
    const why = user.authProvider === undefined ? faultOf(user.exec) : "is there together with an auth-provider";
    if (why !== undefined) {
      throw wrong(`has a credential plugin that ${why}`, "Renew the kubeconfig with the tool that made it.");
    }
  }
}

function missingInOidc({ name, config }: AuthProviderEntry): string | undefined {
  if (name !== "oidc") return undefined;
  return ["client-id", "idp-issuer-url"].find((key) => (config[key] ?? "") === "");
}

const MODES: readonly string[] = ["Never", "IfAvailable", "Always"];

function faultOf({ apiVersion, command, interactiveMode }: ExecEntry): string | undefined {
  if (command === "") return "has no command";
  if (apiVersion === "") return "has no apiVersion";
  if (interactiveMode === undefined) {
    // v1beta1 has a default.
    return apiVersion === "client.authentication.k8s.io/v1" ? "has no interactiveMode, which v1 demands" : undefined;
  }
  return MODES.includes(interactiveMode) ? undefined : "has an unknown interactiveMode";
}
