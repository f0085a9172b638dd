import type { KubeconfigCluster } from "./kubeconfig.ts";

/**
 * What a credential plugin gets to know of its cluster, if it requests it: `spec.cluster` of an ExecCredential.
 * @param authority PEM of the certificate authority
 */
export function clusterInfoOf(
  cluster: KubeconfigCluster,
  authority: string | undefined,
): Readonly<Record<string, unknown>> {
  const { server, tlsServerName, insecureSkipTlsVerify, proxyUrl, disableCompression, execConfig } = cluster;
  return {
    server,
    ...(tlsServerName === undefined ? {} : { "tls-server-name": tlsServerName }),
    ...(insecureSkipTlsVerify ? { "insecure-skip-tls-verify": true } : {}),
    ...(authority === undefined ? {} : { "certificate-authority-data": Buffer.from(authority).toString("base64") }),
    ...(proxyUrl === undefined ? {} : { "proxy-url": proxyUrl }),
    ...(disableCompression ? { "disable-compression": true } : {}),
    ...(execConfig === undefined ? {} : { config: execConfig }),
  };
}
