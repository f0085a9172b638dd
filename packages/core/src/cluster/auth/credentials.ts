import { KinsyncError } from "../../errors/error.ts";
import { ExecGiver } from "./exec-giver.ts";
import { FileText } from "./file-text.ts";
import type { Credential, CredentialOptions, Giver } from "./giver.ts";
import type { KubeconfigUser } from "./kubeconfig.ts";
import { OidcGiver } from "./oidc-giver.ts";

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
    return { authorization: given?.authorization, certificate: own?.certificate ?? given?.certificate };
  }

  /** After a 401: true where another try may succeed. */
  refuse(credential: Credential): boolean {
    const answers = [this.#bearer?.refuse(credential), this.#certificate?.refuse(credential)];
    return answers.includes(true);
  }
}

/** As client-go: a token takes precedence over a plugin, a token file over a token; a client certificate keeps a plugin from running. */
function bearerOf(user: KubeconfigUser, options: CredentialOptions): Giver | undefined {
  if (user.tokenFile !== undefined) return tokenFileGiver(user.tokenFile, user);
  if (user.token !== undefined) return fixedGiver(`Bearer ${user.token}`);
  if (user.username !== undefined) {
    const login = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
    return fixedGiver(`Basic ${login}`);
  }
  const hasCertificate = user.clientCertificate !== undefined || user.clientCertificateData !== undefined;
  if (user.exec !== undefined && hasCertificate) return undefined;
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
      const token = await readToken(file, user);
      return { authorization: `Bearer ${token}` };
    },
    refuse() {
      file.forget();
      return true;
    },
  };
}

/** As client-go: while the file cannot be read, a token beside it serves. */
async function readToken(file: FileText, user: KubeconfigUser): Promise<string> {
  let text: string;
  try {
    text = await readFor(user, file, "tokenFile");
  } catch (error) {
    if (user.token === undefined) throw error;
    return user.token;
  }
  const token = text.trim();
  if (token !== "") return token;
  throw new KinsyncError("KINSYNC_CLUSTER_CREDENTIALS", `The tokenFile ${file.path} of user "${user.name}" is empty`);
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
