import { recordOf } from "./foreign-fields.ts";

/** Tokens of the auth provider `oidc`, as the kubeconfig holds them. */
export interface OidcTokens {
  readonly idToken: string | undefined;
  readonly refreshToken: string | undefined;
}

/** When an ID token ends, in milliseconds since 1970; `undefined` for anything that is not a JWT. The API server checks the signature. */
export function expiryOfIdToken(token: string): number | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const exp = recordOf(payload)["exp"];
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
