import { spawn } from "node:child_process";
import { basename } from "node:path";
import prettyMilliseconds from "pretty-ms";
import { cleanText } from "../../text/clean.ts";
import { KinsyncError } from "../../errors/error.ts";
import type { Environment, ExecEntry } from "./kubeconfig.ts";
import { isRecord, recordOf, textOf } from "./foreign-fields.ts";

/** The credential that an exec plugin returned. */
export interface ExecCredential {
  readonly token: string | undefined;
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  /** Milliseconds since 1970; `undefined`: until it is refused. */
  readonly expires: number | undefined;
}

/** The terminal that a plugin may use to prompt its user: it inherits stdin. */
export interface CredentialTerminal {
  /** A plugin that may prompt is about to start. Until the result is disposed of, nobody else reads or writes the terminal. */
  readonly lend: () => Disposable;
  /** What the plugin prints on stderr, as it comes: a device code, a prompt. Untrusted text. */
  readonly onOutput: (text: string) => void;
}

export interface ExecPluginOptions {
  /** Name of the user entry, for messages. */
  readonly user: string;
  readonly env: Environment;
  /** `spec.cluster` of `KUBERNETES_EXEC_INFO`; read only where the entry sets `provideClusterInfo`. */
  readonly clusterInfo: () => Promise<Readonly<Record<string, unknown>>>;
  readonly terminal: CredentialTerminal | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly timeout: number;
}

const VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs a credential plugin: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 * @throws `KINSYNC_CLUSTER_CREDENTIALS` with the plugin's stderr, without everything that looks like a secret.
 */
export async function runExecPlugin(entry: ExecEntry, options: ExecPluginOptions): Promise<ExecCredential> {
  // Arguments stay out of every message: some hold passwords.
  const name = basename(entry.command);
  const fail = (why: string, more: { hint?: string; cause?: unknown; retry?: "terminal" } = {}) =>
    new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `The credential plugin ${name || "(none)"} of user "${options.user}" ${why}`,
      more,
    );
  if (!VERSIONS.includes(entry.apiVersion)) {
    throw fail(`uses ${entry.apiVersion || "no apiVersion"}, which Kubernetes no longer supports`, {
      hint: `Renew the kubeconfig with the tool that made it: it must be ${VERSIONS.join(" or ")}.`,
      retry: "terminal",
    });
  }
  if (entry.command === "") throw fail("has no command", { hint: "Fix the kubeconfig.", retry: "terminal" });
  const interactive = mayPrompt(entry, options.terminal);
  if (entry.interactiveMode === "Always" && !interactive) {
    throw fail("needs to prompt its user, and there is no terminal", {
      hint: "Log in with it once in a terminal: kubectl get pods",
      retry: "terminal",
    });
  }
  const info = {
    apiVersion: entry.apiVersion,
    kind: "ExecCredential",
    spec: { interactive, ...(entry.provideClusterInfo ? { cluster: await options.clusterInfo() } : {}) },
  };
  const env = { ...options.env, ...entry.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const end = await run(entry, env, interactive, options);
  if (end.type === "missing") {
    throw fail(`cannot be started: ${end.why}`, {
      hint: entry.installHint === undefined ? `Install ${name}, or put it into PATH.` : cleanText(entry.installHint),
      cause: end.cause,
      retry: "terminal",
    });
  }
  if (end.type === "timeout")
    throw fail(`did not end within ${prettyMilliseconds(options.timeout)}${quote(end.stderr)}`);
  if (end.type === "failed") throw fail(`failed (${end.how})${quote(end.stderr)}`);
  const credential = readCredential(end.stdout, entry.apiVersion);
  if (typeof credential === "string") throw fail(`returned no credential: ${credential}`);
  return credential;
}

/** The plugin gets the terminal. */
export function mayPrompt({ interactiveMode }: ExecEntry, terminal: CredentialTerminal | undefined): boolean {
  return terminal !== undefined && interactiveMode !== "Never";
}

type End =
  | { readonly type: "ended"; readonly stdout: string }
  | { readonly type: "failed"; readonly how: string; readonly stderr: string }
  | { readonly type: "timeout"; readonly stderr: string }
  | { readonly type: "missing"; readonly why: string; readonly cause: Error };

async function run(
  entry: ExecEntry,
  env: Environment,
  interactive: boolean,
  { signal, timeout, terminal }: ExecPluginOptions,
): Promise<End> {
  signal.throwIfAborted();
  using _lent = interactive ? terminal?.lend() : undefined;
  const child = spawn(entry.command, [...entry.args], {
    env: { ...env },
    stdio: [interactive ? "inherit" : "ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  const stdout: Buffer[] = [];
  let size = 0;
  let stderr = "";
  const { promise, resolve } = Promise.withResolvers<End>();
  child.stdout.on("data", (bytes: Buffer) => {
    size += bytes.length;
    if (size <= MAX_OUTPUT_BYTES) stdout.push(bytes);
    else resolve({ type: "failed", how: "it printed more than 1 MiB", stderr });
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
    if (interactive) terminal?.onOutput(text);
  });
  child.on("error", (cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === "ENOENT" ? "no such program" : cause.code === "EACCES" ? "no permission" : String(cause.code);
    resolve({ type: "missing", why, cause });
  });
  child.on("close", (code, killedBy) => {
    if (code === 0) resolve({ type: "ended", stdout: Buffer.concat(stdout).toString("utf8") });
    else resolve({ type: "failed", how: killedBy ?? `exit code ${code}`, stderr });
  });
  const timer = setTimeout(() => resolve({ type: "timeout", stderr }), timeout);
  const onAbort = () => resolve({ type: "failed", how: "stopped", stderr });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const end = await promise;
    signal.throwIfAborted();
    return end;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    // A grandchild may hold the pipes open.
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** The credential, or why the output is not one. Never quotes the output: that is the secret. */
function readCredential(stdout: string, apiVersion: string): ExecCredential | string {
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch {
    return stdout.trim() === "" ? "it printed nothing" : "it printed something that is not JSON";
  }
  if (!isRecord(value) || value["kind"] !== "ExecCredential") return "it did not print an ExecCredential";
  if (value["apiVersion"] !== apiVersion) return `its answer has another version than ${apiVersion}`;
  const status = recordOf(value["status"]);
  const token = textOf(status["token"]);
  const cert = textOf(status["clientCertificateData"]);
  const key = textOf(status["clientKeyData"]);
  if ((cert === undefined) !== (key === undefined)) return "it returned one of certificate and key without the other";
  if (token === undefined && cert === undefined) return "its answer has neither a token nor a certificate";
  const expires = Date.parse(textOf(status["expirationTimestamp"]) ?? "");
  return {
    token,
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
    expires: Number.isNaN(expires) ? undefined : expires,
  };
}

const SECRETS = [
  /\beyJ[\w-]{8,}(?:\.[\w-]+)*/g,
  /\bk8s-aws-v1\.[\w-]+/g,
  /(?<=\bbearer\s+)\S+/gi,
  /(?<=\b[\w-]*(?:token|secret|password|passwd|api[-_]?key|credential)s?["']?\s*[=:]\s*["']?)[^\s"',;]+/gi,
  /(?<=:\/\/)[^\s/@]+(?=@)/g,
  /-----BEGIN [^-]+-----[\s\S]*?(?:-----END [^-]+-----|$)/g,
  // Any long run of base64 that is not a path.
  /(?<![\w/.+-])(?!\/)[\w+/-]{64,}={0,2}/g,
];

/** The end of a plugin's stderr, safe to show. */
function quote(stderr: string): string {
  const clean = SECRETS.reduce((text, secret) => text.replaceAll(secret, "***"), cleanText(stderr)).trim();
  if (clean === "") return "";
  return `: ${clean.length > 800 ? `…${clean.slice(-800)}` : clean}`;
}
