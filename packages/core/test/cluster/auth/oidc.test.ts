import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connectCluster } from "@kinsync/core/cluster";
import { answerJson, base64, pem, startApiServer, type ApiServer } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

function idToken(name: string, secondsLeft: number, claims: Readonly<Record<string, unknown>> = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.round(Date.now() / 1000) + secondsLeft;
  return `${part({ alg: "none" })}.${part({ name, exp, sub: name, aud: "me", ...claims })}.sig`;
}

interface Issuer extends ApiServer {
  readonly grants: URLSearchParams[];
}

interface IssuerOptions {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly answer?: Readonly<Record<string, unknown>>;
}

/** Gives tokens to the client `me` with the secret `s`, in the form only. */
async function startIssuer(token: string, { metadata = {}, answer = {} }: IssuerOptions = {}): Promise<Issuer> {
  const grants: URLSearchParams[] = [];
  const server = await startApiServer({
    answer(request, response) {
      const url = `https://127.0.0.1:${request.socket.localPort}`;
      if (request.url === "/idp/.well-known/openid-configuration") {
        answerJson(response, 200, { issuer: `${url}/idp`, token_endpoint: `${url}/token`, ...metadata });
        return;
      }
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.once("end", () => {
        const form = new URLSearchParams(body);
        if (form.get("client_secret") !== "s") return answerJson(response, 401, { error: "invalid_client" });
        grants.push(form);
        const tokens = { access_token: "a", token_type: "Bearer", id_token: token };
        answerJson(response, 200, { ...tokens, refresh_token: `r${grants.length + 1}`, ...answer });
      });
    },
  });
  return { ...server, grants };
}

function kubeconfig(server: string, issuer: string, token: string): string {
  return `# my clusters
current-context: test
contexts: [{name: test, context: {cluster: c, user: u}}]
clusters:
- name: c
  cluster: {server: "${server}", certificate-authority-data: ${base64(pem("ca.crt"))}}
users:
- name: u # me
  user:
    auth-provider:
      name: oidc
      config:
        client-id: me
        client-secret: s
        id-token: ${token}
        refresh-token: r1
        idp-issuer-url: ${issuer}/idp
        idp-certificate-authority-data: ${base64(pem("ca.crt"))}
`;
}

describe("a login by OIDC", () => {
  test("a token that is still good is used as it is", async () => {
    const token = idToken("old", 3600);
    await using server = await startApiServer();
    await using folder = await makeFolder();
    const file = await folder.write("config", kubeconfig(server.url, "https://127.0.0.1:1", token));
    await using connection = await connectCluster({ env: {}, kubeconfig: file });
    await get(connection);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${token}`);
  });

  test("one that has ended is renewed once for all, and written back for kubectl", async () => {
    const renewed = idToken("new", 3600);
    await using server = await startApiServer();
    await using issuer = await startIssuer(renewed);
    await using folder = await makeFolder();
    const before = kubeconfig(server.url, issuer.url, idToken("old", -5));
    const file = await folder.write("config", before);
    await using connection = await connectCluster({ env: {}, kubeconfig: file });
    await Promise.all(Array.from({ length: 5 }, () => get(connection)));
    expect(new Set(server.requests.map((request) => request.headers.authorization))).toEqual(
      new Set([`Bearer ${renewed}`]),
    );
    expect(issuer.grants.map((form) => form.get("refresh_token"))).toEqual(["r1"]);
    const after = await readFile(join(folder.path, "config"), "utf8");
    expect(after).toContain(`id-token: ${renewed}`);
    expect(after).toContain("refresh-token: r2");
    expect(after).toContain("# my clusters");
    expect(after).toContain("name: u # me");
  });

  test("one that the server refuses is renewed", async () => {
    const renewed = idToken("new", 3600);
    await using server = await startApiServer({
      answer: (request, response) =>
        answerJson(response, request.headers.authorization === `Bearer ${renewed}` ? 200 : 401, {}),
    });
    await using issuer = await startIssuer(renewed);
    await using folder = await makeFolder();
    const file = await folder.write("config", kubeconfig(server.url, issuer.url, idToken("old", 3600)));
    await using connection = await connectCluster({ env: {}, kubeconfig: file });
    expect((await get(connection)).status).toBe(200);
    expect(issuer.grants).toHaveLength(1);
  });

  // kubectl 1.34 accepts each of them: the API server checks the token, not the client.
  test.each<readonly [string, IssuerOptions, Readonly<Record<string, unknown>>]>([
    ["metadata without an issuer", { metadata: { issuer: undefined } }, {}],
    ["metadata of another issuer", { metadata: { issuer: "https://login.example/{tenant}/v2.0" } }, {}],
    ["an answer without a token type", { answer: { token_type: undefined } }, {}],
    ["a token of another issuer", {}, { iss: "https://sts.example/tenant/" }],
    ["a token for a trusted peer", {}, { aud: "kubernetes", azp: "me" }],
    ["a token for several audiences", {}, { aud: ["kubernetes", "me"] }],
    ["a token without a subject", {}, { sub: undefined }],
    ["a token that begins later, by this clock", {}, { nbf: Math.round(Date.now() / 1000) + 600 }],
  ])("%s renews the login", async (_situation, options, claims) => {
    const renewed = idToken("new", 3600, claims);
    await using server = await startApiServer();
    await using issuer = await startIssuer(renewed, options);
    await using folder = await makeFolder();
    const file = await folder.write("config", kubeconfig(server.url, issuer.url, idToken("old", -5)));
    await using connection = await connectCluster({ env: {}, kubeconfig: file });
    await get(connection);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${renewed}`);
  });

  test("the issuer is not there: the message names it and no token", async () => {
    await using folder = await makeFolder();
    const token = idToken("old", -5);
    const file = await folder.write("config", kubeconfig("https://127.0.0.1:1", "https://127.0.0.1:1", token));
    await using connection = await connectCluster({ env: {}, kubeconfig: file });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(error.message).toContain("the issuer https://127.0.0.1:1 did not answer: connection refused");
    expect(error.message).not.toContain(token);
  });
});
