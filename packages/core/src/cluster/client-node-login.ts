import type { ClientNodeConfig } from "../contract/client-node.ts";
import { KinsyncError } from "../errors/error.ts";
import { recordOf } from "./auth/foreign-fields.ts";
import { SingleFlight } from "./auth/single-flight.ts";
import type { ClusterLogin, LoginMaterial } from "./login.ts";

/**
 * The login of a `KubeConfig`, which authenticates each request as client-node itself would.
 * @throws `KINSYNC_CLUSTER_CONTEXT_UNKNOWN`: its current context has no cluster
 */
export function clientNodeLogin(config: ClientNodeConfig): ClusterLogin {
  const context = config.getCurrentContext();
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new KinsyncError(
      "KINSYNC_CLUSTER_CONTEXT_UNKNOWN",
      `The KubeConfig that was handed in has no cluster for its current context "${context}"`,
      { hint: "Call loadFromDefault() or setCurrentContext(NAME) on it first." },
    );
  }
  const flight = new SingleFlight<LoginMaterial>();
  const get = async (signal: AbortSignal): Promise<LoginMaterial> =>
    await flight.run(signal, async () => await materialOf(config, context));
  return {
    context,
    namespace: config.getContextObject(context)?.namespace ?? "default",
    cluster: { name: cluster.name, server: cluster.server, proxyUrl: cluster.proxyUrl, disableCompression: false },
    get,
    async refuse(given) {
      // A KubeConfig has no way to drop what it keeps; another answer means that it was about to expire.
      const next = await materialOf(config, context).catch(() => given);
      return JSON.stringify(next) !== JSON.stringify(given);
    },
  };
}

async function materialOf(config: ClientNodeConfig, context: string): Promise<LoginMaterial> {
  const options: Record<string, unknown> = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `The KubeConfig that was handed in cannot log in to context "${context}": ${why}`,
      { cause, hint: "@kubernetes/client-node logs in here: check that its own requests work." },
    );
  }
  const { auth, ca, cert, key, servername, rejectUnauthorized } = options;
  const [certificate, privateKey] = [pemOf(cert), pemOf(key)];
  const basic = typeof auth === "string" ? { authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {};
  return {
    headers: { ...basic, ...headersOf(options["headers"]) },
    certificate:
      certificate === undefined || privateKey === undefined ? undefined : { cert: certificate, key: privateKey },
    authority: pemOf(ca),
    tlsServerName: typeof servername === "string" && servername !== "" ? servername : undefined,
    insecureSkipTlsVerify: rejectUnauthorized === false,
  };
}

function headersOf(value: unknown): Record<string, string | readonly string[]> {
  const entries = Object.entries(recordOf(value)).filter(([, text]) => text !== undefined && text !== null);
  return Object.fromEntries(
    entries.map(([name, text]) => [name.toLowerCase(), Array.isArray(text) ? text.map(String) : String(text)]),
  );
}

/** Text of what `tls` takes: a text, bytes, or a list of these. */
function pemOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map((part) => pemOf(part) ?? "").join("\n");
  if (typeof value === "string" || Buffer.isBuffer(value)) return value.toString();
  return undefined;
}
