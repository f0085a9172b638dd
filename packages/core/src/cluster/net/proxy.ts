import { BlockList, isIP } from "node:net";
import { KinsyncError } from "../../errors/error.ts";
import type { Environment } from "../auth/kubeconfig.ts";
import type { ServerAddress } from "./server.ts";

/** A proxy between kinsync and a server. */
export interface Proxy {
  readonly type: "http" | "https" | "socks5";
  /** Without brackets where it is an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** `http://host:port`, without credentials: for people. */
  readonly href: string;
}

const PORTS = { http: 80, https: 443, socks5: 1080 } as const;

/**
 * The proxy for a server. `proxy-url` of the kubeconfig takes precedence over the environment, and NO_PROXY does not apply to
 * it. The rest as Go's `httpproxy`: HTTPS_PROXY or HTTP_PROXY by the server's scheme, NO_PROXY, never for the machine itself.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`: the address of a proxy is invalid.
 */
export function chooseProxy(
  server: Pick<ServerAddress, "secure" | "hostname" | "port">,
  proxyUrl: string | undefined,
  env: Environment,
): Proxy | undefined {
  if (proxyUrl !== undefined) {
    // The environment may leave the scheme out or say socks5h; kubectl refuses both here.
    if (!/^(?:https?|socks5):\/\//i.test(proxyUrl)) throw unusable("proxy-url of the kubeconfig");
    return parseProxy(proxyUrl, "proxy-url of the kubeconfig");
  }
  const key = server.secure ? "HTTPS_PROXY" : "HTTP_PROXY";
  const text = env[key] || env[key.toLowerCase()];
  if (text === undefined || text === "") return undefined;
  if (isExempt(server.hostname, server.port, env["NO_PROXY"] || env["no_proxy"] || "")) return undefined;
  return parseProxy(text, key);
}

function parseProxy(text: string, origin: string): Proxy {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  const scheme = url?.protocol.replace(/:$/, "").replace("socks5h", "socks5");
  if (url === null || url.hostname === "" || (scheme !== "http" && scheme !== "https" && scheme !== "socks5")) {
    throw unusable(origin);
  }
  const port = url.port === "" ? PORTS[scheme] : Number(url.port);
  return {
    type: scheme,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    username: url.username === "" ? undefined : decode(url.username),
    password: url.password === "" ? undefined : decode(url.password),
    href: `${scheme}://${url.hostname}:${port}`,
  };
}

function unusable(origin: string): KinsyncError {
  return new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `The proxy of ${origin} cannot be used: unknown form`, {
    hint: "Use http://, https:// or socks5://HOST:PORT.",
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Go's rules of NO_PROXY: golang.org/x/net/http/httpproxy. */
export function isExempt(hostname: string, port: number, list: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const version = isIP(host);
  if (host === "localhost" || (version !== 0 && isLoopback(host))) return true;
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && isMatch(entry, host, version, port));
}

function isMatch(entry: string, host: string, version: number, port: number): boolean {
  if (entry === "*") return true;
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (network !== null) return version !== 0 && isInNetwork(host, network[1] ?? "", Number(network[2]));
  const { name, wantedPort } = splitPort(entry);
  if (name === "" || (wantedPort !== undefined && wantedPort !== port)) return false;
  if (isIP(name) !== 0) return version !== 0 && isInNetwork(host, name, isIP(name) === 6 ? 128 : 32);
  const suffix = name.startsWith("*.") ? name.slice(1) : name;
  return suffix.startsWith(".") ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(entry: string): { name: string; wantedPort: number | undefined } {
  const bracketed = /^\[(.*)\](?::(\d+))?$/.exec(entry);
  const plain = bracketed ?? /^([^:]*):(\d+)$/.exec(entry);
  if (plain === null) return { name: entry, wantedPort: undefined };
  return { name: plain[1] ?? "", wantedPort: plain[2] === undefined ? undefined : Number(plain[2]) };
}

function isLoopback(address: string): boolean {
  return isIP(address) === 4 ? address.startsWith("127.") : isInNetwork(address, "::1", 128);
}

function isInNetwork(address: string, network: string, bits: number): boolean {
  const family = isIP(network) === 6 ? "ipv6" : "ipv4";
  if (isIP(network) === 0 || bits > (family === "ipv6" ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
