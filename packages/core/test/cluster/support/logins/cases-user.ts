import { base64, pem, pemPath } from "../api-server.ts";
import { CA, login, type LoginCase } from "./login-case.ts";
import { idToken } from "./surroundings.ts";

const data = (name: string) => ({
  "client-certificate-data": base64(pem(`${name}.crt`)),
  "client-key-data": base64(pem(`${name}.key`)),
});
const API = "client.authentication.k8s.io";
/** A plugin's answer in the version that it was asked in. */
const answer = (status: object, version = "v1") =>
  `echo '${JSON.stringify({ apiVersion: `${API}/${version}`, kind: "ExecCredential", status })}'`;
const exec = (entry: object = {}) => ({
  exec: { apiVersion: `${API}/v1`, command: "p1", interactiveMode: "Never", ...entry },
});
const pair = { clientCertificateData: pem("alice.crt"), clientKeyData: pem("alice.key") };
const ECHO_ENV = (name: string) =>
  `printf '{"apiVersion":"${API}/v1","kind":"ExecCredential","status":{"token":"e-%s"}}' "$${name}"`;
const ECHO_INFO = (filter: string) =>
  `value=$(printf %s "$KUBERNETES_EXEC_INFO" | sed -n '${filter}')
printf '{"apiVersion":"${API}/v1","kind":"ExecCredential","status":{"token":"i-%s"}}' "$value"`;

/** The keys of a user entry besides plugins. */
export const USER_CASES: readonly LoginCase[] = [
  login("token", {}),
  login("no credentials", { user: {} }),
  login("user and password", { user: { username: "me", password: "pw" } }),
  login("user without a password", { user: { username: "me" } }),
  login("password without a user", { user: { password: "pw" } }),
  login("client certificate by data", { user: data("alice") }),
  login("client certificate by relative files", {
    user: { "client-certificate": "a.crt", "client-key": "a.key" },
    files: { "a.crt": pem("alice.crt"), "a.key": pem("alice.key") },
  }),
  login("client certificate by data and file", {
    user: { ...data("alice"), "client-certificate": pemPath("bob.crt"), "client-key": pemPath("bob.key") },
  }),
  login("client certificate by file, key by data", {
    user: { "client-certificate": pemPath("alice.crt"), "client-key-data": base64(pem("alice.key")) },
  }),
  login("client certificate without a key", { user: { "client-certificate-data": base64(pem("alice.crt")) } }),
  login("client key without a certificate", { user: { "client-key-data": base64(pem("alice.key")) } }),
  login("client certificate file is missing", {
    user: { "client-certificate": "none.crt", "client-key": "none.key" },
  }),
  login("client certificate and the key of another", {
    user: { ...data("alice"), "client-key-data": base64(pem("bob.key")) },
  }),
  login("client certificate and token", { user: { ...data("alice"), token: "t" } }),
  login("client certificate, user and password", { user: { ...data("alice"), username: "me", password: "pw" } }),
  login("token file, relative", { user: { tokenFile: "token" }, files: { token: "filetoken\n" } }),
  login("token file over token", { user: { tokenFile: "token", token: "old" }, files: { token: "filetoken" } }),
  login("token file is missing", { user: { tokenFile: "token" } }),
  login("token file is missing, and a token", { user: { tokenFile: "token", token: "old" } }),
  login("token file is empty", { user: { tokenFile: "token" }, files: { token: "" } }),
  login("token with a line break at its end", { user: { token: "t\n" } }),
  login("token with blanks around it", { user: { token: " t " } }),
  login("token and user together", { user: { token: "t", username: "me", password: "pw" } }),
  login("token and plugin together", {
    user: { token: "t", ...exec() },
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("user, password and plugin together", {
    user: { username: "me", password: "pw", ...exec() },
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("token file and plugin together", {
    user: { tokenFile: "token", ...exec() },
    files: { token: "filetoken" },
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("auth provider and plugin together", {
    user: { "auth-provider": { name: "oidc", config: {} }, ...exec() },
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("impersonation of a user", { user: { token: "t", as: "ann" } }),
  login("impersonation of user, groups, UID and extra", {
    user: { token: "t", as: "ann", "as-uid": "7", "as-groups": ["g1", "g2"], "as-user-extra": { "x/y": ["1", "2"] } },
  }),
  login("impersonation of groups alone", { user: { token: "t", "as-groups": ["g"] } }),
  login("impersonation of a UID alone", { user: { token: "t", "as-uid": "7" } }),
  login("impersonation of extra alone", { user: { token: "t", "as-user-extra": { k: ["v"] } } }),
  login("--as", { flags: { as: "ann" } }),
  login("--as over the kubeconfig", { user: { token: "t", as: "bea", "as-groups": ["g"] }, flags: { as: "ann" } }),
  login("--as, --as-group and --as-uid", { flags: { as: "ann", asGroups: ["g1", "g2"], asUid: "7" } }),
  login("--as-group alone", { flags: { asGroups: ["g1"] } }),
  login("--user", {
    root: {
      users: [
        { name: "u", user: { token: "t" } },
        { name: "v", user: { token: "v" } },
      ],
    },
    flags: { user: "v" },
  }),
  login("--user that is unknown", { flags: { user: "nobody" } }),
  login("--cluster", ({ https }) => ({
    root: {
      clusters: [
        { name: "c", cluster: { server: "https://127.0.0.1:1" } },
        { name: "d", cluster: { server: https.url, "certificate-authority-data": CA } },
      ],
    },
    flags: { cluster: "d" },
  })),
  login("--cluster that is unknown", { flags: { cluster: "nothing" } }),
];

function kuberc(name: string, policy: object): LoginCase {
  const file = { apiVersion: "kubectl.config.k8s.io/v1beta1", kind: "Preference", ...policy };
  const plugins = { "bin/p1": answer({ token: "x1" }) };
  return login(name, { user: exec(), plugins, files: { ".kube/kuberc": file } });
}

/** Credential plugins. */
export const PLUGIN_CASES: readonly LoginCase[] = [
  login("plugin v1", { user: exec(), plugins: { "bin/p1": answer({ token: "x1" }) } }),
  login("plugin v1beta1", {
    user: exec({ apiVersion: `${API}/v1beta1`, interactiveMode: undefined }),
    plugins: { "bin/p1": answer({ token: "x1" }, "v1beta1") },
  }),
  login("plugin v1alpha1", {
    user: exec({ apiVersion: `${API}/v1alpha1` }),
    plugins: { "bin/p1": answer({ token: "x1" }, "v1alpha1") },
  }),
  login("plugin without apiVersion", {
    user: exec({ apiVersion: undefined }),
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("plugin without command", { user: exec({ command: undefined }) }),
  login("plugin v1 without interactiveMode", {
    user: exec({ interactiveMode: undefined }),
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("plugin with an unknown interactiveMode", {
    user: exec({ interactiveMode: "Sometimes" }),
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("plugin with interactiveMode IfAvailable, no terminal", {
    user: exec({ interactiveMode: "IfAvailable" }),
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("plugin with interactiveMode Always, no terminal", {
    user: exec({ interactiveMode: "Always" }),
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  login("plugin answers v1beta1 to v1", { user: exec(), plugins: { "bin/p1": answer({ token: "x1" }, "v1beta1") } }),
  login("plugin gives a certificate", { user: exec(), plugins: { "bin/p1": answer(pair) } }),
  login("plugin gives token and certificate", { user: exec(), plugins: { "bin/p1": answer({ token: "x", ...pair }) } }),
  login("plugin gives a certificate without a key", {
    user: exec(),
    plugins: { "bin/p1": answer({ clientCertificateData: pem("alice.crt") }) },
  }),
  login("plugin gives a certificate, the user has another", {
    user: { ...data("bob"), ...exec() },
    plugins: { "bin/p1": answer(pair) },
  }),
  login("plugin gives neither token nor certificate", { user: exec(), plugins: { "bin/p1": answer({}) } }),
  login("plugin gives a token that has expired", {
    user: exec(),
    plugins: { "bin/p1": answer({ token: "x1", expirationTimestamp: "2020-01-01T00:00:00Z" }) },
  }),
  login("plugin prints no JSON", { user: exec(), plugins: { "bin/p1": "echo hello" } }),
  login("plugin prints nothing", { user: exec(), plugins: { "bin/p1": "true" } }),
  login("plugin prints another kind", {
    user: exec(),
    plugins: { "bin/p1": `echo '{"kind":"Pod","apiVersion":"v1"}'` },
  }),
  login("plugin fails", { user: exec(), plugins: { "bin/p1": "echo no >&2; exit 3" } }),
  login("plugin is not installed", { user: exec({ command: "p9" }) }),
  login("plugin in a path relative to the kubeconfig", {
    user: exec({ command: "./own/p1" }),
    plugins: { "own/p1": answer({ token: "rel" }) },
  }),
  login("plugin by absolute path", ({ folder }) => ({
    user: exec({ command: `${folder}/own/p1` }),
    plugins: { "own/p1": answer({ token: "abs" }) },
  })),
  login("plugin with arguments", {
    user: exec({ args: ["one", "two words"] }),
    plugins: {
      "bin/p1": `printf '{"apiVersion":"${API}/v1","kind":"ExecCredential","status":{"token":"%s-%s"}}' "$#" "$1"`,
    },
  }),
  login("plugin with an environment", {
    user: exec({ env: [{ name: "FOO", value: "bar" }] }),
    plugins: { "bin/p1": ECHO_ENV("FOO") },
  }),
  login("plugin with the environment of the client", {
    user: exec(),
    plugins: { "bin/p1": ECHO_ENV("FOO") },
    env: { FOO: "outside" },
  }),
  login("plugin with its environment over that of the client", {
    user: exec({ env: [{ name: "FOO", value: "inside" }] }),
    plugins: { "bin/p1": ECHO_ENV("FOO") },
    env: { FOO: "outside" },
  }),
  login("plugin reads whether it may prompt", {
    user: exec({ interactiveMode: "IfAvailable" }),
    plugins: { "bin/p1": ECHO_INFO('s/.*"interactive":\\([a-z]*\\).*/\\1/p') },
  }),
  login("plugin reads the cluster", {
    user: exec({ provideClusterInfo: true }),
    cluster: { extensions: [{ name: `${API}/exec`, extension: { audience: "aud" } }] },
    plugins: { "bin/p1": ECHO_INFO('s/.*"audience":"\\([a-z]*\\)".*/\\1/p') },
  }),
  login("plugin reads a server name of the cluster", {
    user: exec({ provideClusterInfo: true }),
    cluster: { "tls-server-name": "localhost" },
    plugins: { "bin/p1": ECHO_INFO('s/.*"tls-server-name":"\\([a-z]*\\)".*/\\1/p') },
  }),
  login("plugin without the cluster", {
    user: exec(),
    plugins: { "bin/p1": ECHO_INFO('s/.*"cluster".*/cluster/p') },
  }),
  login("plugin with impersonation", {
    user: { ...exec(), as: "ann" },
    plugins: { "bin/p1": answer({ token: "x1" }) },
  }),
  kuberc("plugin policy DenyAll", { credentialPluginPolicy: "DenyAll" }),
  kuberc("plugin policy AllowAll", { credentialPluginPolicy: "AllowAll" }),
  kuberc("plugin policy Allowlist with the plugin", {
    credentialPluginPolicy: "Allowlist",
    credentialPluginAllowlist: [{ command: "p1" }],
  }),
  kuberc("plugin policy Allowlist without the plugin", {
    credentialPluginPolicy: "Allowlist",
    credentialPluginAllowlist: [{ command: "p2" }],
  }),
];

const provider = (name: string, config: object) => ({ "auth-provider": { name, config } });
const oidc = (port: number, token: string | undefined, more: object = {}) =>
  provider("oidc", {
    "client-id": "me",
    "client-secret": "s",
    "idp-issuer-url": `https://127.0.0.1:${port}/idp`,
    "idp-certificate-authority-data": CA,
    "refresh-token": "r1",
    ...(token === undefined ? {} : { "id-token": token }),
    ...more,
  });

/** The auth providers that Kubernetes has or had. */
export const PROVIDER_CASES: readonly LoginCase[] = [
  login("oidc, the token is valid", ({ https }) => ({ user: oidc(https.port, idToken("good", 3600)) })),
  login("oidc, the token has expired", ({ https }) => ({ user: oidc(https.port, idToken("old", -60)) })),
  login("oidc, no token yet", ({ https }) => ({ user: oidc(https.port, undefined) })),
  login("oidc, no refresh token", ({ https }) => ({
    user: oidc(https.port, idToken("old", -60), { "refresh-token": undefined }),
  })),
  login("oidc, the issuer refuses", ({ https }) => ({
    user: oidc(https.port, idToken("old", -60), { "client-secret": "wrong" }),
  })),
  login("oidc, certificate authority by file", ({ https }) => ({
    user: oidc(https.port, idToken("old", -60), {
      "idp-certificate-authority-data": undefined,
      "idp-certificate-authority": pemPath("ca.crt"),
    }),
  })),
  login("oidc without a client", ({ https }) => ({ user: oidc(https.port, idToken("old", -60), { "client-id": "" }) })),
  login("oidc without an issuer", ({ https }) => ({
    user: oidc(https.port, idToken("good", 3600), { "idp-issuer-url": "" }),
  })),
  login("gcp", { user: provider("gcp", { "access-token": "g1" }) }),
  login("azure", { user: provider("azure", { "access-token": "az" }) }),
  login("unknown auth provider", { user: provider("own", {}) }),
];
