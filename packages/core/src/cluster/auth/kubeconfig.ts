import { delimiter, dirname, join, resolve, sep } from "node:path";
import { isRecord, listOf, recordOf, textOf } from "./foreign-fields.ts";
import { homeFolder } from "./home.ts";
import { brokenKubeconfig, readKubeconfig } from "./kubeconfig-file.ts";

/** The environment, as a parameter: core never reads `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A cluster entry. Paths are absolute. */
export interface KubeconfigCluster {
  readonly name: string;
  readonly server: string | undefined;
  readonly tlsServerName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  /** File with PEM. `certificateAuthorityData` (base64) takes precedence. */
  readonly certificateAuthority: string | undefined;
  readonly certificateAuthorityData: string | undefined;
  readonly proxyUrl: string | undefined;
  readonly disableCompression: boolean;
  /** `config` of the extension `client.authentication.k8s.io/exec`: for exec plugins. */
  readonly execConfig: unknown;
}

/** A user entry. Paths are absolute; `…Data` is base64 and takes precedence over the file. */
export interface KubeconfigUser {
  readonly name: string;
  /** File that the entry comes from: refreshed OIDC tokens go there. `undefined` in a pod. */
  readonly source: string | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientCertificateData: string | undefined;
  readonly clientKey: string | undefined;
  readonly clientKeyData: string | undefined;
  readonly impersonate: string | undefined;
  readonly impersonateUid: string | undefined;
  readonly impersonateGroups: readonly string[];
  readonly impersonateExtra: Readonly<Record<string, readonly string[]>>;
  readonly exec: ExecEntry | undefined;
  readonly authProvider: AuthProviderEntry | undefined;
}

export interface ExecEntry {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly provideClusterInfo: boolean;
  /** `Never`, `IfAvailable` or `Always`; `undefined` means `IfAvailable`, and v1 demands one. */
  readonly interactiveMode: string | undefined;
  readonly installHint: string | undefined;
}

export interface AuthProviderEntry {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
}

export interface KubeconfigContext {
  readonly name: string;
  readonly cluster: string | undefined;
  readonly user: string | undefined;
  readonly namespace: string | undefined;
}

/** A context with its cluster and user. */
export interface ChosenContext {
  readonly name: string;
  readonly namespace: string;
  readonly cluster: KubeconfigCluster;
  readonly user: KubeconfigUser;
}

/** A user without any credentials. */
export const ANONYMOUS: KubeconfigUser = {
  name: "",
  source: undefined,
  token: undefined,
  tokenFile: undefined,
  username: undefined,
  password: undefined,
  clientCertificate: undefined,
  clientCertificateData: undefined,
  clientKey: undefined,
  clientKeyData: undefined,
  impersonate: undefined,
  impersonateUid: undefined,
  impersonateGroups: [],
  impersonateExtra: {},
  exec: undefined,
  authProvider: undefined,
};

/** All files of a path list as one, merged as kubectl does: the first file that names a thing wins, entry by entry. */
export interface Kubeconfig {
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, KubeconfigContext>;
  readonly clusters: ReadonlyMap<string, KubeconfigCluster>;
  readonly users: ReadonlyMap<string, KubeconfigUser>;
}

export interface KubeconfigPlaces {
  /** Path of one file. Default: the path list in `KUBECONFIG` of the environment, else `~/.kube/config`. */
  readonly kubeconfig?: string;
  readonly env: Environment;
}

/**
 * Reads and merges the kubeconfig files. Skips missing files, as kubectl does with a path list; `undefined`
 * where all are missing.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`: a file cannot be read or parsed, with its line.
 */
export async function loadKubeconfig(places: KubeconfigPlaces): Promise<Kubeconfig | undefined> {
  const parts: Kubeconfig[] = [];
  for (const file of kubeconfigPaths(places)) {
    const value = await readKubeconfig(file);
    if (value !== undefined) parts.push(toKubeconfig(value.content, file));
  }
  if (parts.length === 0) return undefined;
  return {
    files: parts.flatMap((part) => part.files),
    currentContext: parts.find((part) => part.currentContext !== undefined)?.currentContext,
    contexts: firstWins(parts.map((part) => part.contexts)),
    clusters: firstWins(parts.map((part) => part.clusters)),
    users: firstWins(parts.map((part) => part.users)),
  };
}

/** Absolute paths of the kubeconfig files, in order. */
export function kubeconfigPaths({ kubeconfig, env }: KubeconfigPlaces): readonly string[] {
  if (kubeconfig !== undefined && kubeconfig !== "") return [resolve(kubeconfig)];
  const list = env["KUBECONFIG"];
  if (list !== undefined && list !== "") {
    const paths = list.split(delimiter).filter((path) => path !== "");
    return [...new Set(paths.map((path) => resolve(path)))];
  }
  const home = homeFolder(env);
  return home === undefined ? [] : [join(home, ".kube", "config")];
}

function firstWins<Entry>(parts: readonly ReadonlyMap<string, Entry>[]): ReadonlyMap<string, Entry> {
  const merged = new Map<string, Entry>();
  for (const part of parts) {
    for (const [name, entry] of part) if (!merged.has(name)) merged.set(name, entry);
  }
  return merged;
}

function toKubeconfig(value: unknown, file: string): Kubeconfig {
  const root = recordOf(value);
  const folder = dirname(file);
  return {
    files: [file],
    currentContext: textOf(root["current-context"]),
    contexts: named(file, root["contexts"], "context", (name, entry) => ({
      name,
      cluster: textOf(entry["cluster"]),
      user: textOf(entry["user"]),
      namespace: textOf(entry["namespace"]),
    })),
    clusters: named(file, root["clusters"], "cluster", (name, entry) => toCluster(name, entry, folder)),
    users: named(file, root["users"], "user", (name, entry) => toUser(name, entry, file)),
  };
}

/** The entries of a list by their names. As kubectl, a file with one name twice is refused: which entry is meant is not known. */
function named<Entry>(
  file: string,
  list: unknown,
  key: string,
  make: (name: string, entry: Readonly<Record<string, unknown>>) => Entry,
): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const item of listOf(list)) {
    const record = recordOf(item);
    const name = textOf(record["name"]);
    if (name === undefined) continue;
    if (entries.has(name)) throw brokenKubeconfig(file, `it has two ${key}s with the name "${name}"`);
    entries.set(name, make(name, recordOf(record[key])));
  }
  return entries;
}

function toCluster(name: string, entry: Readonly<Record<string, unknown>>, folder: string): KubeconfigCluster {
  const exec = listOf(entry["extensions"])
    .map((item) => recordOf(item))
    .find((item) => item["name"] === "client.authentication.k8s.io/exec");
  return {
    name,
    server: textOf(entry["server"]),
    tlsServerName: textOf(entry["tls-server-name"]),
    insecureSkipTlsVerify: isTrue(entry["insecure-skip-tls-verify"]),
    certificateAuthority: pathOf(entry["certificate-authority"], folder),
    certificateAuthorityData: textOf(entry["certificate-authority-data"]),
    proxyUrl: textOf(entry["proxy-url"]),
    disableCompression: isTrue(entry["disable-compression"]),
    execConfig: exec?.["extension"],
  };
}

function toUser(name: string, entry: Readonly<Record<string, unknown>>, file: string): KubeconfigUser {
  const folder = dirname(file);
  const extra = Object.entries(recordOf(entry["as-user-extra"]));
  return {
    name,
    source: file,
    token: textOf(entry["token"]),
    tokenFile: pathOf(entry["tokenFile"], folder),
    username: textOf(entry["username"]),
    password: textOf(entry["password"]),
    clientCertificate: pathOf(entry["client-certificate"], folder),
    clientCertificateData: textOf(entry["client-certificate-data"]),
    clientKey: pathOf(entry["client-key"], folder),
    clientKeyData: textOf(entry["client-key-data"]),
    impersonate: textOf(entry["as"]),
    impersonateUid: textOf(entry["as-uid"]),
    impersonateGroups: textsOf(entry["as-groups"]),
    impersonateExtra: Object.fromEntries(extra.map(([key, values]) => [key, textsOf(values)])),
    exec: isRecord(entry["exec"]) ? toExec(entry["exec"], folder) : undefined,
    authProvider: isRecord(entry["auth-provider"]) ? toAuthProvider(entry["auth-provider"]) : undefined,
  };
}

function toExec(entry: Readonly<Record<string, unknown>>, folder: string): ExecEntry {
  const command = textOf(entry["command"]) ?? "";
  const env = listOf(entry["env"]).map((item) => recordOf(item));
  return {
    apiVersion: textOf(entry["apiVersion"]) ?? "",
    // As kubectl: a bare name is looked up in PATH, anything with a slash is relative to the kubeconfig.
    command: command.includes("/") || command.includes(sep) ? resolve(folder, command) : command,
    args: textsOf(entry["args"]),
    env: Object.fromEntries(env.map((item) => [textOf(item["name"]) ?? "", textOf(item["value"]) ?? ""])),
    provideClusterInfo: isTrue(entry["provideClusterInfo"]),
    interactiveMode: textOf(entry["interactiveMode"]),
    installHint: textOf(entry["installHint"]),
  };
}

function toAuthProvider(entry: Readonly<Record<string, unknown>>): AuthProviderEntry {
  const config = Object.entries(recordOf(entry["config"]));
  return {
    name: textOf(entry["name"]) ?? "",
    config: Object.fromEntries(config.map(([key, value]) => [key, textOf(value) ?? ""])),
  };
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map((item) => textOf(item) ?? "");
}

function pathOf(value: unknown, folder: string): string | undefined {
  const path = textOf(value);
  return path === undefined ? undefined : resolve(folder, path);
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}
