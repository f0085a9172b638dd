import { readFile } from "node:fs/promises";
import { KinsyncError } from "../../errors/error.ts";
import { exchange, type Call } from "../net/exchange.ts";
import { failureOf, type Endpoint } from "../net/failure.ts";
import type { AuthProviderEntry, Environment } from "./kubeconfig.ts";
import { recordOf, textOf } from "./foreign-fields.ts";
import type { OidcTokens } from "./oidc-tokens.ts";
import { ConnectionPool } from "../net/pool.ts";
import { chooseProxy } from "../net/proxy.ts";
import { RestResponse } from "../net/rest.ts";
import { parseServer } from "../net/server.ts";
import { createTlsClient } from "../net/tls.ts";

export interface OidcOptions {
  /** Name of the user entry, for messages. */
  readonly user: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Milliseconds, for each of the two requests. */
  readonly timeout: number;
}

/**
 * Fetches a new ID token from the issuer, as client-go's `oidc` provider does: discovery, then `grant_type=refresh_token`.
 * @throws `KINSYNC_CLUSTER_CREDENTIALS`
 */
export async function refreshOidc(
  entry: AuthProviderEntry,
  tokens: OidcTokens,
  options: OidcOptions,
): Promise<OidcTokens> {
  const config = entry.config;
  const issuer = textOf(config["idp-issuer-url"])?.replace(/\/+$/, "");
  const fail = (why: string, cause?: unknown) =>
    new KinsyncError("KINSYNC_CLUSTER_CREDENTIALS", `The OIDC login of user "${options.user}" ${why}`, {
      hint: "Log in again with the tool that made this kubeconfig.",
      cause,
    });
  if (tokens.refreshToken === undefined) throw fail("has expired, and there is no refresh-token");
  if (issuer === undefined) throw fail("has no idp-issuer-url");
  const ca = await authorityOf(config, fail);
  const ask = async (url: string, form?: URLSearchParams, authorization?: string) => {
    try {
      return await askIssuer(url, form, authorization, ca, options);
    } catch (cause) {
      options.signal.throwIfAborted();
      throw fail(`cannot be renewed: ${(cause as Error).message}`, cause);
    }
  };

  const found = await ask(`${issuer}/.well-known/openid-configuration`);
  const endpoint = textOf(recordOf(found.body)["token_endpoint"]);
  if (endpoint === undefined) throw fail(`cannot be renewed: ${issuer} answered ${found.status} to the discovery`);
  const id = config["client-id"] ?? "";
  const secret = config["client-secret"] ?? "";
  const form = { grant_type: "refresh_token", refresh_token: tokens.refreshToken };
  // Some issuers need the client in the header, some in the form: tries both in turn, as golang.org/x/oauth2 does.
  const header = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
  let answer = await ask(endpoint, new URLSearchParams(form), header);
  if (answer.status !== 200) {
    const whole = { ...form, client_id: id, ...(secret === "" ? {} : { client_secret: secret }) };
    answer = await ask(endpoint, new URLSearchParams(whole));
  }
  const body = recordOf(answer.body);
  if (answer.status !== 200) throw fail(`cannot be renewed: the issuer answered ${answer.status}`);
  const idToken = textOf(body["id_token"]);
  if (idToken === undefined) throw fail("cannot be renewed: the issuer returned no ID token");
  return { idToken, refreshToken: textOf(body["refresh_token"]) ?? tokens.refreshToken };
}

async function authorityOf(
  config: Readonly<Record<string, string>>,
  fail: (why: string, cause?: unknown) => Error,
): Promise<string | undefined> {
  const data = textOf(config["idp-certificate-authority-data"]);
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const file = textOf(config["idp-certificate-authority"]);
  if (file === undefined) return undefined;
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw fail(`cannot be renewed: idp-certificate-authority ${file} cannot be read`, cause);
  }
}

async function askIssuer(
  url: string,
  form: URLSearchParams | undefined,
  authorization: string | undefined,
  ca: string | undefined,
  options: OidcOptions,
): Promise<{ status: number; body: unknown }> {
  const address = URL.parse(url);
  const server = parseServer(address?.origin ?? "");
  if (address === null || server === undefined) throw new Error("an address of the issuer is not http or https");
  const tls = server.secure ? createTlsClient({ ca, cert: undefined, key: undefined }) : undefined;
  const proxy = chooseProxy(server, undefined, options.env);
  const pool = new ConnectionPool(
    { server, proxy, tlsServerName: undefined, insecureSkipTlsVerify: false },
    tls,
    // A refresh token may be valid only once, so this request is never repeated.
    { connect: options.timeout, kept: options.timeout },
  );
  const target: Endpoint = { who: `the issuer ${server.href}`, proxy: proxy?.href };
  const base = { path: `${address.pathname}${address.search}`, signal: options.signal, idleTimeout: options.timeout };
  const headers = {
    accept: "application/json",
    ...(authorization === undefined ? {} : { authorization }),
  };
  const call: Call =
    form === undefined
      ? { ...base, method: "GET", headers }
      : {
          ...base,
          method: "POST",
          headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
          body: form.toString(),
        };
  try {
    const response = new RestResponse(await exchange(pool, call), target, options.signal);
    return { status: response.status, body: await response.json() };
  } catch (error) {
    throw failureOf(error, target, options.signal);
  } finally {
    pool.destroy();
  }
}
