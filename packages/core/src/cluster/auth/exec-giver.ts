import { KinsyncError, isKinsyncError } from "../../errors/error.ts";
import { Backoff } from "../../time/backoff.ts";
import { mayPrompt, runExecPlugin, type ExecCredential } from "./exec-plugin.ts";
import { isOver, RENEW_BEFORE_MS, type Credential, type CredentialOptions, type Giver } from "./giver.ts";
import type { ExecEntry, KubeconfigUser } from "./kubeconfig.ts";
import { checkPluginPolicy } from "./plugin-policy.ts";
import { SingleFlight } from "./single-flight.ts";

/** How long a plugin that failed, or whose credential was refused, is left alone: it may open a browser or call a cloud. */
const PAUSE_MS = { min: 2_000, max: 60_000 };

/** The credentials of a plugin: one run for all callers, one pause for all after it failed. */
export class ExecGiver implements Giver {
  readonly #entry: ExecEntry;
  readonly #user: KubeconfigUser;
  readonly #options: CredentialOptions;
  readonly #flight: SingleFlight<ExecCredential>;
  /** A person may be typing: the run does not end with the requests that wait for it. */
  readonly #isPrompting: boolean;
  readonly #failures = new Backoff(PAUSE_MS);
  readonly #refusals = new Backoff(PAUSE_MS);
  #held: ExecCredential | undefined;
  /** Milliseconds since 1970. */
  #renewAt = 0;
  /** The last run failed; all callers get this error until the pause ends, in milliseconds since 1970. */
  #failure: { readonly error: KinsyncError; readonly until: number } | undefined;
  /** A refused credential was renewed; until then, in milliseconds since 1970, another refusal renews nothing. */
  #renewedUntil = 0;

  constructor(entry: ExecEntry, user: KubeconfigUser, options: CredentialOptions) {
    this.#entry = entry;
    this.#user = user;
    this.#options = options;
    this.#isPrompting = mayPrompt(entry, options.terminal);
    this.#flight = new SingleFlight(this.#isPrompting);
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

  async #fetch(callers: AbortSignal): Promise<ExecCredential> {
    const left = (this.#failure?.until ?? 0) - Date.now();
    if (this.#failure !== undefined && left > 0) throw pausing(this.#failure.error, left);
    const { clusterInfo, env, terminal, timeout, lifetime } = this.#options;
    const signal = this.#isPrompting ? lifetime : AbortSignal.any([callers, lifetime]);
    const user = this.#user.name;
    let given: ExecCredential;
    try {
      await checkPluginPolicy(this.#entry.command, user, env);
      given = await runExecPlugin(this.#entry, { user, env, clusterInfo, terminal, signal, timeout });
    } catch (error) {
      if (signal.aborted || !isKinsyncError(error)) throw error;
      const pause = this.#failures.next();
      this.#failure = { error, until: Date.now() + pause };
      throw pausing(error, pause);
    }
    this.#failure = undefined;
    this.#failures.reset();
    this.#held = given;
    // A plugin with its own cache returns tokens that expire soon: those must not make it run at every request.
    const now = Date.now();
    const expires = given.expires ?? Number.POSITIVE_INFINITY;
    this.#renewAt = expires - Math.max(0, Math.min(RENEW_BEFORE_MS, (expires - now) / 5));
    return given;
  }

  refuse(given: Credential): boolean {
    const held = this.#held;
    // A parallel call has fetched the next one by now: the server did not refuse that one.
    if (held === undefined || !isSame(credentialOf(held), given)) return true;
    const now = Date.now();
    if (now < this.#renewedUntil) return false;
    if (now > this.#renewedUntil + PAUSE_MS.max) this.#refusals.reset();
    this.#renewedUntil = now + this.#refusals.next();
    this.#held = undefined;
    return true;
  }
}

/** The error of the last run, with the rest of the pause as `retryAfter`: callers wait for its end. */
function pausing(error: KinsyncError, left: number): KinsyncError {
  const { code, message, hint, cause, retry, details } = error;
  return new KinsyncError(code, message, { hint, cause, retry, details: { ...details, retryAfter: Math.ceil(left) } });
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
