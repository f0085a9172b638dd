import { KinsyncError } from "../../errors/error.ts";

/** Where the API server is. */
export interface ServerAddress {
  readonly secure: boolean;
  /** Without brackets where it is an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** `Host` header: without the port where that is the scheme's default. */
  readonly host: string;
  /** Path in front of every API path, without trailing slash: servers behind Rancher and other proxies have one. */
  readonly prefix: string;
  /** `https://host:port/prefix`, without credentials: for people. */
  readonly href: string;
}

/** What names a server: a cluster entry. */
interface ServerEntry {
  readonly name: string;
  readonly server: string | undefined;
}

/** @throws `KINSYNC_CLUSTER_KUBECONFIG`: the server is missing or invalid. */
export function serverOf(cluster: ServerEntry): ServerAddress {
  const text = cluster.server;
  if (text === undefined) throw wrong(cluster, "has no server");
  // As kubectl: an address without a scheme is plain HTTP, also where the entry has settings for TLS.
  const server = parseServer(text.includes("://") ? text : `http://${text}`);
  if (server === undefined) throw wrong(cluster, "has a server that is not an http or https address");
  return server;
}

/** `undefined`: not an http or https address. */
export function parseServer(text: string): ServerAddress | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const prefix = url.pathname.replace(/\/+$/, "");
  return {
    secure,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    host: url.host,
    prefix,
    href: `${url.protocol}//${url.hostname}:${port}${prefix}`,
  };
}

function wrong(cluster: ServerEntry, why: string): KinsyncError {
  return new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `The cluster "${cluster.name}" of the kubeconfig ${why}`, {
    hint: `Fix it: kubectl config set-cluster ${cluster.name} --server=https://HOST:PORT`,
  });
}
