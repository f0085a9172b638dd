import { textOf } from "./foreign-fields.ts";
import { isOver, RENEW_BEFORE_MS, type Credential, type CredentialOptions, type Giver } from "./giver.ts";
import type { AuthProviderEntry, KubeconfigUser } from "./kubeconfig.ts";
import { expiryOfIdToken, type OidcTokens } from "./oidc-tokens.ts";
import { SingleFlight } from "./single-flight.ts";

/** The ID tokens of the auth provider `oidc`, renewed at their issuer and written back to the kubeconfig. */
export class OidcGiver implements Giver {
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
    const isDue = expires !== undefined && Date.now() > expires - RENEW_BEFORE_MS;
    if (!isRefused && !isDue) return { authorization: `Bearer ${idToken}` };
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
    const { refreshOidc } = await import("./oidc.ts");
    const user = this.#user.name;
    const tokens = await refreshOidc(this.#entry, this.#tokens, { user, env, signal, timeout });
    this.#tokens = tokens;
    if (this.#user.source !== undefined) {
      const { writeOidcTokens } = await import("./kubeconfig-writer.ts");
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
