import { delimiter, join } from "node:path";
import { base64, pem, pemPath } from "../api-server.ts";
import { CA, login, type LoginCase } from "./login-case.ts";

const NAME = "api.kinsync.test";
const certificate = (name: string) => ({
  "client-certificate-data": base64(pem(`${name}.crt`)),
  "client-key-data": base64(pem(`${name}.key`)),
});
const exec = {
  exec: { apiVersion: "client.authentication.k8s.io/v1", command: "p1", interactiveMode: "Never" },
};
const p1 = {
  "bin/p1": `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"x1"}}'`,
};
const none = { "certificate-authority-data": undefined };

/** The server, its certificate, and the way to it. */
export const CLUSTER_CASES: readonly LoginCase[] = [
  login("certificate authority by relative file", {
    cluster: { ...none, "certificate-authority": "ca.crt" },
    files: { "ca.crt": pem("ca.crt") },
  }),
  login("certificate authority by data and file", {
    cluster: { "certificate-authority": pemPath("other-ca.crt") },
  }),
  login("no certificate authority", { cluster: none }),
  login("another certificate authority", { cluster: { "certificate-authority-data": base64(pem("other-ca.crt")) } }),
  login("certificate authority that is not PEM", { cluster: { "certificate-authority-data": base64("hello") } }),
  login("insecure-skip-tls-verify", { cluster: { ...none, "insecure-skip-tls-verify": true } }),
  login("insecure-skip-tls-verify with a certificate authority", { cluster: { "insecure-skip-tls-verify": true } }),
  login("tls-server-name", { cluster: { "tls-server-name": NAME } }),
  login("tls-server-name that the certificate lacks", { cluster: { "tls-server-name": "elsewhere.kinsync.test" } }),
  login("insecure-skip-tls-verify with tls-server-name", {
    cluster: { ...none, "insecure-skip-tls-verify": true, "tls-server-name": "elsewhere.kinsync.test" },
  }),
  login("server with a path and a slash", ({ https }) => ({ cluster: { server: `${https.url}/k8s/clusters/c-1/` } })),
  login("server without a scheme, with certificate authority", ({ https }) => ({
    cluster: { server: `127.0.0.1:${https.port}` },
  })),
  login("server without a scheme, plain HTTP", ({ http }) => ({
    cluster: { server: `127.0.0.1:${http.port}`, ...none },
  })),
  login("server that is not an address", { cluster: { server: "ftp://127.0.0.1" } }),
  login("no server", { cluster: { server: "" } }),
  login("plain HTTP with a token", ({ http }) => ({ cluster: { server: http.url, ...none } })),
  login("plain HTTP with a certificate authority", ({ http }) => ({ cluster: { server: http.url } })),
  login("plain HTTP with user and password", ({ http }) => ({
    cluster: { server: http.url, ...none },
    user: { username: "me", password: "pw" },
  })),
  login("plain HTTP with a plugin", ({ http }) => ({
    cluster: { server: http.url, ...none },
    user: exec,
    plugins: p1,
  })),
  login("plain HTTP with impersonation", ({ http }) => ({
    cluster: { server: http.url, ...none },
    user: { token: "t", as: "ann" },
  })),
  login("plain HTTP with a token file", ({ http }) => ({
    cluster: { server: http.url, ...none },
    user: { tokenFile: "token" },
    files: { token: "filetoken" },
  })),
  login("plain HTTP with a client certificate", ({ http }) => ({
    cluster: { server: http.url, ...none },
    user: certificate("alice"),
  })),
  login("disable-compression", { cluster: { "disable-compression": true } }),
  login("proxy-url http", ({ httpProxy }) => ({ cluster: { "proxy-url": `http://127.0.0.1:${httpProxy}` } })),
  login("proxy-url http with login", ({ httpProxy }) => ({
    cluster: { "proxy-url": `http://me:pw@127.0.0.1:${httpProxy}` },
  })),
  login("proxy-url socks5", ({ socksProxy }) => ({ cluster: { "proxy-url": `socks5://127.0.0.1:${socksProxy}` } })),
  login("proxy-url socks5 with login", ({ socksProxy }) => ({
    cluster: { "proxy-url": `socks5://me:pw@127.0.0.1:${socksProxy}` },
  })),
  login("proxy-url socks5h", ({ socksProxy }) => ({ cluster: { "proxy-url": `socks5h://127.0.0.1:${socksProxy}` } })),
  login("proxy-url without a scheme", ({ httpProxy }) => ({ cluster: { "proxy-url": `127.0.0.1:${httpProxy}` } })),
  login("proxy-url with a name without a scheme", ({ httpProxy }) => ({
    cluster: { "proxy-url": `localhost:${httpProxy}` },
  })),
  login("proxy-url over NO_PROXY", ({ httpProxy }) => ({
    cluster: { "proxy-url": `http://127.0.0.1:${httpProxy}` },
    env: { NO_PROXY: "127.0.0.1,*" },
  })),
  login("HTTPS_PROXY", ({ https, httpProxy }) => ({
    cluster: { server: `https://${NAME}:${https.port}` },
    env: { HTTPS_PROXY: `http://127.0.0.1:${httpProxy}` },
  })),
  login("https_proxy in lower case", ({ https, httpProxy }) => ({
    cluster: { server: `https://${NAME}:${https.port}` },
    env: { https_proxy: `http://127.0.0.1:${httpProxy}` },
  })),
  login("HTTPS_PROXY without a scheme", ({ https, httpProxy }) => ({
    cluster: { server: `https://${NAME}:${https.port}` },
    env: { HTTPS_PROXY: `127.0.0.1:${httpProxy}` },
  })),
  login("HTTPS_PROXY socks5", ({ https, socksProxy }) => ({
    cluster: { server: `https://${NAME}:${https.port}` },
    env: { HTTPS_PROXY: `socks5://127.0.0.1:${socksProxy}` },
  })),
  login("HTTPS_PROXY socks5h", ({ https, socksProxy }) => ({
    cluster: { server: `https://${NAME}:${https.port}` },
    env: { HTTPS_PROXY: `socks5h://127.0.0.1:${socksProxy}` },
  })),
  login("HTTPS_PROXY, the server is this machine", ({ httpProxy }) => ({
    env: { HTTPS_PROXY: `http://127.0.0.1:${httpProxy}` },
  })),
  login("HTTPS_PROXY, NO_PROXY with a network", ({ https, httpProxy }) => ({
    cluster: { server: `https://${NAME}:${https.port}` },
    env: { HTTPS_PROXY: `http://127.0.0.1:${httpProxy}`, NO_PROXY: "10.0.0.0/8" },
  })),
  login("HTTP_PROXY for an https server", ({ httpProxy }) => ({
    env: { HTTP_PROXY: `http://127.0.0.1:${httpProxy}` },
  })),
  login("ALL_PROXY for an https server", ({ httpProxy }) => ({ env: { ALL_PROXY: `http://127.0.0.1:${httpProxy}` } })),
];

/** Which files are read, and what of them. */
export const FILE_CASES: readonly LoginCase[] = [
  login("home folder", ({ folder, https }) => ({
    kubeconfig: {},
    files: { ".kube/config": whole({ server: https.url, "certificate-authority-data": CA }) },
    env: { KUBECONFIG: "", HOME: folder },
  })),
  login("list of files, one is missing", ({ folder }) => ({
    env: { KUBECONFIG: [join(folder, "missing"), join(folder, "config")].join(delimiter) },
  })),
  login("list of files, the first entry of a name wins", ({ folder }) => ({
    files: { second: { users: [{ name: "u", user: { token: "second" } }] } },
    env: { KUBECONFIG: [join(folder, "config"), join(folder, "second")].join(delimiter) },
  })),
  login("list of files, the first current-context wins", ({ folder }) => ({
    files: {
      first: {
        "current-context": "one",
        contexts: [{ name: "one", context: { cluster: "c", user: "one" } }],
        users: [{ name: "one", user: { token: "one" } }],
      },
    },
    env: { KUBECONFIG: [join(folder, "first"), join(folder, "config")].join(delimiter) },
  })),
  login("list of files, context in one and user in another", ({ folder }) => ({
    root: { users: [] },
    files: { second: { users: [{ name: "u", user: { token: "second" } }] } },
    env: { KUBECONFIG: [join(folder, "config"), join(folder, "second")].join(delimiter) },
  })),
  login("--kubeconfig with a colon in its name", ({ folder, https }) => ({
    files: { "a:b.yaml": whole({ server: https.url, "certificate-authority-data": CA }) },
    flags: { kubeconfig: join(folder, "a:b.yaml") },
    env: { KUBECONFIG: "" },
  })),
  login("--kubeconfig of a missing file", ({ folder }) => ({ flags: { kubeconfig: join(folder, "missing") } })),
  login("--context of another entry", ({ https }) => ({
    root: {
      contexts: [
        { name: "test", context: { cluster: "gone", user: "gone" } },
        { name: "other", context: { cluster: "c", user: "u" } },
      ],
      clusters: [{ name: "c", cluster: { server: https.url, "certificate-authority-data": CA } }],
    },
    flags: { context: "other" },
  })),
  login("another context has no cluster", {
    root: {
      contexts: [
        { name: "test", context: { cluster: "c", user: "u", namespace: "ml" } },
        { name: "broken", context: { user: "u" } },
      ],
    },
  }),
  login("current-context is unknown", { root: { "current-context": "nowhere" } }),
  login("user of the context is unknown", { root: { users: [] } }),
  login("cluster of the context is unknown", { root: { clusters: [] } }),
  login("context without a user", { context: { cluster: "c" } }),
  login("two users of one name in a file", {
    root: {
      users: [
        { name: "u", user: { token: "one" } },
        { name: "u", user: { token: "two" } },
      ],
    },
  }),
  login("two clusters of one name in a file", ({ https }) => ({
    root: { clusters: [1, 2].map(() => ({ name: "c", cluster: { server: https.url } })) },
  })),
  login("two contexts of one name in a file", {
    root: { contexts: [1, 2].map(() => ({ name: "test", context: { cluster: "c", user: "u" } })) },
  }),
  login("YAML with anchors and merge keys", ({ https }) => ({
    kubeconfig: `current-context: test
x: &c {server: "${https.url}", certificate-authority-data: ${CA}}
contexts: [{name: test, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {<<: *c}}]
users: [{name: u, user: {token: merged}}]
`,
  })),
  login("YAML with a key twice", ({ https }) => ({
    kubeconfig: `current-context: test
current-context: test
contexts: [{name: test, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "${https.url}", certificate-authority-data: ${CA}}}]
users: [{name: u, user: {token: t}}]
`,
  })),
  login("token of digits in YAML", ({ https }) => ({
    kubeconfig: `current-context: test
contexts: [{name: test, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "${https.url}", certificate-authority-data: ${CA}}}]
users: [{name: u, user: {token: "0123"}}]
`,
  })),
  login("YAML that is broken", { kubeconfig: "a: [b" }),
  login("unknown keys", { root: { colour: "blue" }, user: { token: "t", shape: "round" } }),
  login("base64 with line breaks", ({ https }) => ({
    cluster: { server: https.url, "certificate-authority-data": CA.replaceAll(/(.{64})/g, "$1\n") },
  })),
  login("variables of a pod without its service account", {
    kubeconfig: {},
    env: { KUBECONFIG: "", KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "1" },
  }),
];

function whole(cluster: object): object {
  return {
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "c", user: "u", namespace: "ml" } }],
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: { token: "t" } }],
  };
}
