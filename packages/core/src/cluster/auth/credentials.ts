import { KinsyncError } from "../../errors/error.ts";
import { runExecPlugin, type CredentialTerminal, type ExecCredential } from "./exec-plugin.ts";
import { FileText } from "./file-text.ts";
import type { AuthProviderEntry, Environment, ExecEntry, KubeconfigUser } from "./kubeconfig.ts";
import { writeOidcTokens } from "./kubeconfig-writer.ts";
import { textOf } from "./foreign-fields.ts";
import { expiryOfIdToken, refreshOidc, type OidcTokens } from "./oidc.ts";
import { SingleFlight } from "./single-flight.ts";

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

export interface CredentialOptions {
  readonly env: Environment;
  /** `spec.cluster` for exec plugins. */
  readonly clusterInfo: () => Promise<Readonly<Record<string, unknown>>>;
  readonly terminal: CredentialTerminal | undefined;
  /** Milliseconds that a plugin or an issuer has to answer. */
  readonly timeout: number;
}

/** A header or a certificate with a limited lifetime. */
interface Giver {
  get(signal: AbortSignal): Promise<Partial<Credential>>;
  /** The server refused the credential. True where another fetch may return a different one. */
  refuse(given: Credential): boolean;
}

/** The credentials of one user entry: fetched once for all callers, and again before they expire or after a refusal. */
export class Credentials {
  readonly #bearer: Giver | undefined;
  readonly #certificate: Giver | undefined;

  /** @throws `KINSYNC_CLUSTER_CREDENTIALS`: a login method that Kubernetes removed. */
  constructor(user: KubeconfigUser, options: CredentialOptions) {
    this.#bearer = bearerOf(user, options);
    this.#certificate = certificateOf(user);
  }

  /** @throws `KINSYNC_CLUSTER_CREDENTIALS` */
  async get(signal: AbortSignal): Promise<Credential> {
    const [own, given] = await Promise.all([this.#certificate?.get(signal), this.#bearer?.get(signal)]);
    return { authorization: given?.authorization, certificate: given?.certificate ?? own?.certificate };
  }

  /** After a 401: true where another try may succeed. */
  refuse(credential: Credential): boolean {
    const answers = [this.#bearer?.refuse(credential), this.#certificate?.refuse(credential)];
    return answers.includes(true);
  }
}

/** As client-go: a token takes precedence over a plugin, a token file over a token. */
function bearerOf(user: KubeconfigUser, options: CredentialOptions): Giver | undefined {
  if (user.tokenFile !== undefined) return tokenFileGiver(user.tokenFile, user);
  if (user.token !== undefined) return fixedGiver(`Bearer ${user.token.trim()}`);
  if (user.username !== undefined) {
    const login = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
    return fixedGiver(`Basic ${login}`);
  }
  if (user.exec !== undefined) return new ExecGiver(user.exec, user, options);
  if (user.authProvider?.name === "oidc") return new OidcGiver(user.authProvider, user, options);
  if (user.authProvider !== undefined) {
    throw new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `User "${user.name}" logs in by the auth provider "${user.authProvider.name}", which Kubernetes removed`,
      {
        hint: "Renew the kubeconfig with the cloud's own tool: the new one names a credential plugin.",
        retry: "terminal",
      },
    );
  }
  return undefined;
}

function fixedGiver(authorization: string): Giver {
  return { get: async () => ({ authorization }), refuse: () => false };
}

function tokenFileGiver(path: string, user: KubeconfigUser): Giver {
  const file = new FileText(path);
  return {
    async get() {
      const token = (await readFor(user, file, "tokenFile")).trim();
      return { authorization: `Bearer ${token}` };
    },
    refuse() {
      file.forget();
      return true;
    },
  };
}

function certificateOf(user: KubeconfigUser): Giver | undefined {
  const { clientCertificateData, clientKeyData } = user;
  const hasCertificate = clientCertificateData !== undefined || user.clientCertificate !== undefined;
  const hasKey = clientKeyData !== undefined || user.clientKey !== undefined;
  if (!hasCertificate && !hasKey) return undefined;
  if (!hasCertificate || !hasKey) {
    const missing = hasKey ? "client-certificate" : "client-key";
    throw new KinsyncError("KINSYNC_CLUSTER_CREDENTIALS", `User "${user.name}" of the kubeconfig has no ${missing}`, {
      hint: `Fix it: kubectl config set-credentials ${user.name} --${missing}=FILE`,
      retry: "terminal",
    });
  }
  const certificate = user.clientCertificate === undefined ? undefined : new FileText(user.clientCertificate);
  const key = user.clientKey === undefined ? undefined : new FileText(user.clientKey);
  return {
    async get() {
      const [certPem, keyPem] = await Promise.all([
        decodeBase64(clientCertificateData) ?? readFor(user, certificate, "client-certificate"),
        decodeBase64(clientKeyData) ?? readFor(user, key, "client-key"),
      ]);
      return { certificate: { cert: certPem, key: keyPem } };
    },
    refuse() {
      certificate?.forget();
      key?.forget();
      return certificate !== undefined || key !== undefined;
    },
  };
}

async function readFor(user: KubeconfigUser, file: FileText | undefined, what: string): Promise<string> {
  try {
    return (await file?.read()) ?? "";
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    const why = code === "ENOENT" ? "it is not there" : code === "EACCES" ? "permission denied" : code;
    throw new KinsyncError(
      "KINSYNC_CLUSTER_CREDENTIALS",
      `The ${what} ${file?.path ?? ""} of user "${user.name}" cannot be read: ${why}`,
      { cause },
    );
  }
}

/** Decodes the base64 of a `…-data` key. */
export function decodeBase64(data: string | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data, "base64").toString("utf8");
}

/** A credential is renewed this long before it expires; the old one serves if that fails. */
const RENEW_BEFORE_MS = 30_000;

function needsRenewal(expires: number | undefined): boolean {
  return expires !== undefined && Date.now() > expires - RENEW_BEFORE_MS;
}

function isOver(expires: number | undefined): boolean {
  return expires !== undefined && Date.now() >= expires;
}

class ExecGiver implements Giver {
  readonly #entry: ExecEntry;
  readonly #user: KubeconfigUser;
  readonly #options: CredentialOptions;
  readonly #flight = new SingleFlight<ExecCredential>();
  #held: ExecCredential | undefined;
  /** Milliseconds since 1970. */
  #renewAt = 0;

  constructor(entry: ExecEntry, user: KubeconfigUser, options: CredentialOptions) {
    this.#entry = entry;
    this.#user = user;
    this.#options = options;
  }

  async get(signal: AbortSignal): Promise<Partial<Credential>> {
    const held = this.#held;
    if (held !== undefined && Date.now() < this.#renewAt) return credentialOf(held);
    try {
      return credentialOf(await this.#flight.run(signal, async (stop) => await this.#fetch(stop)));
    } catch (error) {
      signal.throwIfAborted();
      if (held !== undefined && !isOver(held.expires)) return credentialOf(held);
      throw error;
    }
  }

  async #fetch(signal: AbortSignal): Promise<ExecCredential> {
    const { clusterInfo, env, terminal, timeout } = this.#options;
    const user = this.#user.name;
    const given = await runExecPlugin(this.#entry, { user, env, clusterInfo, terminal, signal, timeout });
    this.#held = given;
    // A plugin with its own cache returns tokens that expire soon: those must not make it run at every request.
    const now = Date.now();
    const expires = given.expires ?? Number.POSITIVE_INFINITY;
    this.#renewAt = expires - Math.max(0, Math.min(RENEW_BEFORE_MS, (expires - now) / 5));
    return given;
  }

  refuse(given: Credential): boolean {
    // A parallel call may have fetched the next one by now: the server did not refuse that one.
    const held = this.#held;
    if (held !== undefined && isSame(credentialOf(held), given)) this.#held = undefined;
    return true;
  }
}

function credentialOf({ token, certificate }: ExecCredential): Partial<Credential> {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function isSame(a: Partial<Credential>, b: Credential): boolean {
  if (a.authorization !== b.authorization) return false;
  return a.certificate === undefined || a.certificate.cert === b.certificate?.cert;
}

class OidcGiver implements Giver {
  readonly #entry: AuthProviderEntry;
  readonly #user: KubeconfigUser;
  readonly #options: CredentialOptions;
  readonly #flight = new SingleFlight<OidcTokens>();
  #tokens: OidcTokens;
  #refused: string | undefined;

  constructor(entry: AuthProviderEntry, user: KubeconfigUser, options: CredentialOptions) {
    this.#entry = entry;
    this.#user = user;
    this.#options = options;
    this.#tokens = {
      idToken: textOf(entry.config["id-token"]),
      refreshToken: textOf(entry.config["refresh-token"]),
    };
  }

  async get(signal: AbortSignal): Promise<Partial<Credential>> {
    const { idToken } = this.#tokens;
    const expires = idToken === undefined ? 0 : expiryOfIdToken(idToken);
    const isRefused = idToken === undefined || idToken === this.#refused;
    if (!isRefused && !needsRenewal(expires)) return { authorization: `Bearer ${idToken}` };
    try {
      const tokens = await this.#flight.run(signal, async (stop) => await this.#renew(stop));
      return { authorization: `Bearer ${tokens.idToken ?? ""}` };
    } catch (error) {
      signal.throwIfAborted();
      if (!isRefused && !isOver(expires)) return { authorization: `Bearer ${idToken}` };
      throw error;
    }
  }

  async #renew(signal: AbortSignal): Promise<OidcTokens> {
    const { env, timeout } = this.#options;
    const user = this.#user.name;
    const tokens = await refreshOidc(this.#entry, this.#tokens, { user, env, signal, timeout });
    this.#tokens = tokens;
    if (this.#user.source !== undefined) {
      // A kubeconfig that cannot be written does not stop the run: the tokens stay in memory.
      await writeOidcTokens(this.#user.source, user, tokens).catch(() => undefined);
    }
    return tokens;
  }

  refuse(given: Credential): boolean {
    if (this.#tokens.refreshToken === undefined) return false;
    const { idToken } = this.#tokens;
    if (given.authorization === `Bearer ${idToken}`) this.#refused = idToken;
    return true;
  }
}
