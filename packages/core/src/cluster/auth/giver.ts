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
