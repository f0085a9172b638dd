import { X509Certificate } from "node:crypto";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/** PEM texts. */
export interface TlsMaterial {
  /** `undefined`: what Node and the operating system trust. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** One TLS context that all connections share: making one costs more than the rest of a handshake's set-up. */
export interface TlsClient {
  readonly context: SecureContext;
  /** Last session ticket of the server: it shortens the next handshake. */
  session: Buffer | undefined;
}

/** @throws OpenSSL's error for a certificate and key that do not match or cannot be read. */
export function createTlsClient(material: TlsMaterial): TlsClient {
  // Node reads text without any certificate as an empty list of authorities.
  if (material.ca !== undefined) firstCertificate(material.ca);
  const context = createSecureContext({
    ca: material.ca ?? trustedBySystem(),
    ...(material.cert === undefined ? {} : { cert: material.cert }),
    ...(material.key === undefined ? {} : { key: material.key }),
    // As in Go: a certificate in the bundle is trusted even if it is not a root.
    allowPartialTrustChain: true,
  });
  return { context, session: undefined };
}

function firstCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

/** kubectl trusts what the system trusts, also a company's own authority; Node alone does not. */
function trustedBySystem(): string[] {
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
}
