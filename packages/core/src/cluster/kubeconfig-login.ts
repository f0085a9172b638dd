import { KinsyncError } from "../errors/error.ts";
import { clusterInfoOf } from "./auth/cluster-info.ts";
import { chooseContext, type ContextOptions, type LoginOverrides } from "./auth/context.ts";
import { Credentials, decodeBase64 } from "./auth/credentials.ts";
import { FileText } from "./auth/file-text.ts";
import type { Credential, CredentialOptions } from "./auth/giver.ts";
import { impersonationOf } from "./auth/impersonation.ts";
import { ANONYMOUS, type ChosenContext, type KubeconfigCluster, type KubeconfigUser } from "./auth/kubeconfig.ts";
import type { ClusterLogin, LoginMaterial } from "./login.ts";
import { serverOf } from "./net/server.ts";

export interface KubeconfigLoginOptions
  extends ContextOptions, Pick<CredentialOptions, "terminal" | "timeout" | "lifetime"> {
  /** Name of the context. Default: the current one. */
  readonly context: string | undefined;
  readonly overrides: LoginOverrides;
}

/**
 * The login of a kubeconfig or a pod. It is what kubectl does; `test/cluster/logins-as-kubectl.test.ts` lists the differences.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`, `KINSYNC_CLUSTER_CONTEXT_UNKNOWN`, `KINSYNC_CLUSTER_CREDENTIALS`
 */
export async function kubeconfigLogin(options: KubeconfigLoginOptions): Promise<ClusterLogin> {
  return new KubeconfigLogin(await chooseContext(options, options.context, options.overrides), options);
}

class KubeconfigLogin implements ClusterLogin {
  readonly context: string;
  readonly namespace: string;
  readonly cluster: KubeconfigCluster;
  readonly #options: KubeconfigLoginOptions;
  readonly #isSecure: boolean;
  readonly #authority: FileText | undefined;
  #user: KubeconfigUser;
  #credentials: Credentials;
  /** What the last credential was made of, so that a refusal can name it. */
  readonly #given = new WeakMap<LoginMaterial, Credential>();

  constructor(chosen: ChosenContext, options: KubeconfigLoginOptions) {
    const { name, namespace, cluster, user } = chosen;
    this.context = name;
    this.namespace = namespace;
    this.cluster = cluster;
    this.#options = options;
    this.#isSecure = serverOf(cluster).secure;
    const { certificateAuthority: path } = cluster;
    this.#authority = path === undefined ? undefined : new FileText(path);
    this.#user = user;
    this.#credentials = this.#credentialsOf(user);
  }

  async get(signal: AbortSignal): Promise<LoginMaterial> {
    const credential = await this.#credential(signal);
    const { authorization, certificate } = credential;
    const material: LoginMaterial = {
      headers: { ...(authorization === undefined ? {} : { authorization }), ...impersonationOf(this.#user) },
      certificate,
      authority: await this.#readAuthority(),
      tlsServerName: this.cluster.tlsServerName,
      insecureSkipTlsVerify: this.cluster.insecureSkipTlsVerify,
    };
    this.#given.set(material, credential);
    return material;
  }

  async refuse(given: LoginMaterial): Promise<boolean> {
    const credential = this.#given.get(given);
    const mayRenew = credential !== undefined && this.#credentials.refuse(credential);
    return (await this.#readAgain()) || mayRenew;
  }

  async #credential(signal: AbortSignal): Promise<Credential> {
    const credentials = this.#credentials;
    try {
      return await credentials.get(signal);
    } catch (error) {
      signal.throwIfAborted();
      // A login tool may have replaced the entry meanwhile.
      if (this.#credentials === credentials && !(await this.#readAgain())) throw error;
      return await this.#credentials.get(signal);
    }
  }

  /** Takes over the user entry of the kubeconfig as it is now. True where it differs. */
  async #readAgain(): Promise<boolean> {
    try {
      const { user, cluster } = await chooseContext(this.#options, this.context, this.#options.overrides);
      if (cluster.server !== this.cluster.server || isSameUser(user, this.#user)) return false;
      this.#credentials = this.#credentialsOf(user);
      this.#user = user;
      return true;
    } catch {
      // It is being written, or it was a pipe that has been read.
      return false;
    }
  }

  /** As client-go: over plain HTTP no credential is sent, and no plugin runs. */
  #credentialsOf(user: KubeconfigUser): Credentials {
    const { env, terminal, timeout, lifetime } = this.#options;
    return new Credentials(this.#isSecure ? user : ANONYMOUS, {
      env,
      clusterInfo: async () => clusterInfoOf(this.cluster, await this.#readAuthority()),
      terminal,
      timeout,
      lifetime,
    });
  }

  async #readAuthority(): Promise<string | undefined> {
    const data = decodeBase64(this.cluster.certificateAuthorityData);
    if (data !== undefined || this.#authority === undefined) return data;
    try {
      return await this.#authority.read();
    } catch (cause) {
      throw new KinsyncError(
        "KINSYNC_CLUSTER_KUBECONFIG",
        `The certificate-authority ${this.#authority.path} of cluster "${this.cluster.name}" cannot be read`,
        { cause, hint: "Fix the path in the kubeconfig." },
      );
    }
  }
}

function isSameUser(a: KubeconfigUser, b: KubeconfigUser): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
