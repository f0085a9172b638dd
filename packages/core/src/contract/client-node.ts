/** As much of a `KubeConfig` of `@kubernetes/client-node` 2 as kinsync uses. */
export interface ClientNodeConfig {
  getCurrentContext(): string;
  getContextObject(name: string): { readonly namespace?: string | undefined } | null;
  getCurrentCluster(): {
    readonly name: string;
    readonly server: string;
    readonly proxyUrl?: string | undefined;
  } | null;
  /** Writes headers, certificates and TLS settings into options of a request. */
  applyToHTTPSOptions(options: object): Promise<void>;
}
