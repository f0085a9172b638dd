import prettyMilliseconds from "pretty-ms";
import { cleanText } from "../../text/clean.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { DialTimeout, ProxyRefusal } from "./dial.ts";

/** The server of a request, for messages. */
export interface Endpoint {
  /** Subject of a sentence: `The API server https://host:port (context "x")`. */
  readonly who: string;
  /** `http://host:port` of the proxy between. */
  readonly proxy: string | undefined;
}

/** No data within the time limit. */
export class IdleTimeout extends Error {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super(`no data for ${prettyMilliseconds(milliseconds)}`);
    this.milliseconds = milliseconds;
  }
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "the network is unreachable",
  ENETDOWN: "the network is down",
  EMFILE: "too many open files in this process",
};

const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  CERT_REVOKED: "it was revoked",
  CERT_SIGNATURE_FAILURE: "its signature is wrong",
  CERT_UNTRUSTED: "its authority is not trusted",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is self-signed and no certificate-authority vouches for it",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for other names",
  HOSTNAME_MISMATCH: "it is for other names",
  INVALID_CA: "its authority may not sign certificates",
  SELF_SIGNED_CERT_IN_CHAIN: "its authority is not the certificate-authority of the kubeconfig",
  UNABLE_TO_GET_ISSUER_CERT: "its authority is not known",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its authority is not known",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its authority is not the certificate-authority of the kubeconfig",
};

/** Turns the reason why a connection ended into an error for people. An abort stays unchanged. */
export function failureOf(cause: unknown, endpoint: Endpoint, signal?: AbortSignal): unknown {
  if (isKinsyncError(cause)) return cause;
  if (signal?.aborted === true) return signal.reason;
  const code = codeOf(cause);
  const { who } = endpoint;

  const untrusted = CERTIFICATE[code];
  if (untrusted !== undefined) {
    return new KinsyncError(
      "KINSYNC_CLUSTER_CERTIFICATE",
      `${who} has a certificate that is not trusted: ${untrusted}`,
      {
        cause,
        details: { reason: code },
        ...(untrusted === "it is for other names"
          ? { hint: `Use a name that it has as server, or set tls-server-name; ${namesOf(cause)}.` }
          : {}),
      },
    );
  }
  if (code === "ERR_INVALID_CHAR") {
    return new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `${who} cannot receive a request: the token or an impersonated name has a character that no HTTP header may have`,
      { hint: "Fix the user of the context in the kubeconfig.", retry: "terminal" },
    );
  }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    const reason = code.replace(/^ERR_SSL_(?:SSLV3_|TLSV1_|TLSV13_)?ALERT_|^ERR_SSL_TLSV13_ALERT_/, "").toLowerCase();
    return new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `${who} refused the client certificate: ${reason.replaceAll("_", " ")}`,
      { cause, details: { reason: code } },
    );
  }
  return new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", `${who} did not answer: ${reasonOf(cause, code)}`, {
    cause,
    details: { reason: code },
    ...(endpoint.proxy === undefined
      ? {}
      : { hint: `Check the proxy ${endpoint.proxy} on the way to it, and NO_PROXY.` }),
  });
}

function reasonOf(cause: unknown, code: string): string {
  if (cause instanceof ProxyRefusal || cause instanceof IdleTimeout || cause instanceof DialTimeout)
    return cause.message;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "EPROTO") return "the server does not use TLS on this port";
  if (code.startsWith("HPE_")) return "the server does not use HTTP on this port";
  const known = NETWORK[code];
  if (known !== undefined) return known;
  const isTelling = cause instanceof Error && cause.message !== "" && (code === "" || code.startsWith("WS_ERR_"));
  return isTelling ? cleanText(cause.message) : code || "unknown reason";
}

/** The first code in an error, its causes, and the errors of an AggregateError (several addresses of one name). */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}

function namesOf(cause: unknown): string {
  const names = cause instanceof Error && "cert" in cause ? (cause.cert as { subjectaltname?: string }) : {};
  const text = cleanText(names.subjectaltname ?? "");
  return text === "" ? "it has none" : `it has ${text}`;
}
