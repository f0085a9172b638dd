import { KubeConfig } from "@kubernetes/client-node";
import { connectCluster } from "@kinsync/core/cluster";
import { describe, expect, test } from "vitest";
import { answerJson, base64, clientName, pem, startApiServer, statusBody } from "./support/api-server.ts";
import { writePlugin } from "./support/credential-plugin.ts";
import { errorOf, get, kubeconfigOf, makeFolder } from "./support/kubeconfig-file.ts";
import { endOf, open, startSocketServer } from "./support/socket-server.ts";

function kubeConfig(server: string, parts: { readonly user?: object; readonly cluster?: object } = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(JSON.stringify(kubeconfigOf({ server, ...parts })));
  return config;
}

const ALICE = {
  "client-certificate-data": base64(pem("alice.crt")),
  "client-key-data": base64(pem("alice.key")),
};

describe("a KubeConfig that is handed in", () => {
  test.for<readonly [string, object, string | undefined, string | undefined]>([
    ["a token", { token: "t" }, "Bearer t", undefined],
    ["user and password", { username: "me", password: "pw" }, "Basic bWU6cHc=", undefined],
    ["a client certificate", ALICE, undefined, "alice"],
  ])("logs in by %s, over one connection", async ([, user, authorization, certificate]) => {
    const names: (string | undefined)[] = [];
    await using server = await startApiServer({
      answer(request, response) {
        names.push(clientName(request));
        answerJson(response, 200, {});
      },
    });
    await using connection = await connectCluster({ env: {}, kubeConfig: kubeConfig(server.url, { user }) });
    for (let i = 0; i < 10; i += 1) await (await get(connection)).json();
    expect([connection.context, connection.namespace]).toEqual(["test", "ml"]);
    expect(server.requests[0]?.headers.authorization).toBe(authorization);
    expect(names[0]).toBe(certificate);
    expect(server.connections()).toBe(1);
  });

  test("its plugin runs once for parallel callers", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    // client-node sets KUBERNETES_EXEC_INFO only where the plugin wants the cluster.
    const plugin = await writePlugin(folder, "give({ token: `t${run}` });", {
      env: [{ name: "KUBERNETES_EXEC_INFO", value: '{"apiVersion":"client.authentication.k8s.io/v1"}' }],
    });
    const config = kubeConfig(server.url, { user: { exec: plugin.exec } });
    await using connection = await connectCluster({ env: {}, kubeConfig: config });
    await Promise.all(Array.from({ length: 20 }, () => get(connection)));
    expect(await plugin.runs()).toHaveLength(1);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(Array(20).fill("Bearer t1"));
  });

  test("its tls-server-name, and that it skips verification, hold", async () => {
    await using server = await startApiServer({ certificate: "foreign" });
    const named = kubeConfig(server.url, { cluster: { "tls-server-name": "elsewhere.kinsync.test" } });
    await using first = await connectCluster({ env: {}, kubeConfig: named });
    expect((await get(first)).status).toBe(200);
    const insecure = kubeConfig(server.url, { cluster: { "insecure-skip-tls-verify": true } });
    await using second = await connectCluster({ env: {}, kubeConfig: insecure });
    expect((await get(second)).status).toBe(200);
  });

  test("its own authenticator serves requests and WebSockets", async () => {
    await using server = await startSocketServer((socket) => socket.close(), { authorization: "Bearer own" });
    const config = kubeConfig(server.url, { user: { "auth-provider": { name: "own", config: {} } } });
    config.addAuthenticator({
      isAuthProvider: (user) => user.authProvider?.name === "own",
      async applyAuthentication(_, options) {
        options.headers = { Authorization: "Bearer own" };
      },
    });
    await using connection = await connectCluster({ env: {}, kubeConfig: config });
    expect((await endOf(await open(connection))).code).toBe(1005);
    await get(connection);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer own");
  });

  test("that it may not log in is the answer, without a loop", async () => {
    await using server = await startApiServer({
      answer: (_, response) => answerJson(response, 401, statusBody(401, "Unauthorized", "Unauthorized")),
    });
    await using connection = await connectCluster({ env: {}, kubeConfig: kubeConfig(server.url) });
    expect((await get(connection)).status).toBe(401);
    expect(server.requests).toHaveLength(1);
  });

  test("without a current context the error names what to call", async () => {
    const error = await errorOf(connectCluster({ env: {}, kubeConfig: new KubeConfig() }));
    expect(error.code).toBe("KINSYNC_CLUSTER_CONTEXT_UNKNOWN");
    expect(error.hint).toContain("loadFromDefault()");
  });

  test("what client-node throws is told with its words", async () => {
    const config = kubeConfig("https://127.0.0.1:1");
    config.applyToHTTPSOptions = async () => {
      throw new Error("no luck");
    };
    await using connection = await connectCluster({ env: {}, kubeConfig: config });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(error.message).toContain("no luck");
  });
});
