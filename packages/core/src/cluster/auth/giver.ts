import type { CredentialTerminal } from "./exec-plugin.ts";
import type { Environment } from "./kubeconfig.ts";

/** PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What authenticates one request. */
export interface Credential {
  /** `Authorization` header. */
  readonly authorization: string | undefined;
  readonly certificate: ClientCertificate | undefined;
}

/** What every way to get a credential is given. */
export interface CredentialOptions {
  readonly env: Environment;
  /** `spec.cluster` for exec plugins. */
  readonly clusterInfo: () => Promise<Readonly<Record<string, unknown>>>;
  readonly terminal: CredentialTerminal | undefined;
  /** Aborts when the connection is closed. */
  readonly lifetime: AbortSignal;
  /** Milliseconds that a plugin or an issuer has to answer. */
  readonly timeout: number;
}

/** A header or a certificate with a limited lifetime. */
export interface Giver {
  get(signal: AbortSignal): Promise<Partial<Credential>>;
  /** The server refused the credential. True where another fetch may return a different one. */
  refuse(given: Credential): boolean;
}

/** A credential is renewed this long before it expires; the old one serves if that fails. */
export const RENEW_BEFORE_MS = 30_000;

/** @param expires milliseconds since 1970; `undefined`: never */
export function isOver(expires: number | undefined): boolean {
  return expires !== undefined && Date.now() >= expires;
}
