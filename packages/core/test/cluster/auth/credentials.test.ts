import { describe, expect, test } from "vitest";
import { answerJson, base64, clientName, pem, startApiServer } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";
import { serverFor } from "../support/token-server.ts";

describe("what the kubeconfig holds itself", () => {
  test.each([
    ["a token", { token: "t" }, "Bearer t"],
    ["user and password", { username: "me", password: "pä:ss" }, `Basic ${base64("me:pä:ss")}`],
  ])("%s", async (_, user, authorization) => {
    await using server = await serverFor(authorization);
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url, user });
    expect((await get(connection)).status).toBe(200);
  });

  test("a token that is refused is asked for once, not again and again", async () => {
    await using server = await serverFor("Bearer other");
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url, user: { token: "t" } });
    expect((await get(connection)).status).toBe(401);
    expect(server.requests).toHaveLength(1);
  });

  test("no user at all is nobody", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    await get(connection);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("impersonation goes with every request", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    const user = {
      token: "t",
      as: "ann",
      "as-uid": "7",
      "as-groups": ["a", "b"],
      "as-user-extra": { "x/y": ["1", "2"] },
    };
    await using connection = await folder.connect({ server: server.url, user });
    await get(connection);
    const [request] = server.requests;
    expect(request?.headersDistinct).toMatchObject({
      authorization: ["Bearer t"],
      "impersonate-user": ["ann"],
      "impersonate-uid": ["7"],
      "impersonate-group": ["a", "b"],
      "impersonate-extra-x%2fy": ["1", "2"],
    });
  });

  test("an auth provider that Kubernetes removed", async () => {
    await using folder = await makeFolder();
    const error = await errorOf(folder.connect({ server: "https://a", user: { "auth-provider": { name: "gcp" } } }));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(error.message).toContain('"gcp"');
  });

  test("a client key without its certificate", async () => {
    await using folder = await makeFolder();
    const error = await errorOf(folder.connect({ server: "https://a", user: { "client-key": "x.key" } }));
    expect(error.message).toContain("has no client-certificate");
  });
});

describe("files that somebody else rotates", () => {
  test("a token file is read again when it changed", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await folder.write("token", "first\n");
    await using connection = await folder.connect({ server: server.url, user: { tokenFile: "token", token: "old" } });
    await (await get(connection)).json();
    await folder.write("token", "the second\n");
    await (await get(connection)).json();
    expect(server.requests.map((request) => request.headers.authorization)).toEqual([
      "Bearer first",
      "Bearer the second",
    ]);
  });

  test("a token that was refused is looked up once more", async () => {
    await using server = await serverFor("Bearer new");
    await using folder = await makeFolder();
    await folder.write("token", "old");
    await using connection = await folder.connect({ server: server.url, user: { tokenFile: "token" } });
    expect((await get(connection)).status).toBe(401);
    await folder.write("token", "new");
    expect((await get(connection)).status).toBe(200);
  });

  test("a token file that is not there is named", async () => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://127.0.0.1:1", user: { tokenFile: "none" } });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(error.message).toContain(`${folder.path}/none`);
  });

  test("a client certificate by files: the new one is shown on new connections", async () => {
    const names: (string | undefined)[] = [];
    await using server = await startApiServer({
      answer(request, response) {
        names.push(clientName(request));
        answerJson(response, 200, {});
      },
    });
    await using folder = await makeFolder();
    await folder.write("me.crt", pem("alice.crt"));
    await folder.write("me.key", pem("alice.key"));
    const user = { "client-certificate": "me.crt", "client-key": "me.key" };
    await using connection = await folder.connect({ server: server.url, user });
    await (await get(connection)).json();
    await (await get(connection)).json();
    // Half a rotation: the old pair holds.
    await folder.write("me.crt", `${pem("bob.crt")}\n`);
    await (await get(connection)).json();
    await folder.write("me.key", `${pem("bob.key")}\n`);
    await (await get(connection)).json();
    expect(names).toEqual(["alice", "alice", "alice", "bob"]);
    expect(server.connections()).toBe(2);
  });

  test("a watch goes on over a rotation", async () => {
    await using server = await startApiServer({
      answer(request, response) {
        response.writeHead(200);
        if (request.url?.includes("watch") !== true) return void response.end("{}");
        response.write("1");
      },
    });
    await using folder = await makeFolder();
    await folder.write("me.crt", pem("alice.crt"));
    await folder.write("me.key", pem("alice.key"));
    const user = { "client-certificate": "me.crt", "client-key": "me.key" };
    await using connection = await folder.connect({ server: server.url, user });
    const stop = new AbortController();
    const watch = await connection.request({ path: "/x", query: { watch: true }, signal: stop.signal });
    const chunks = watch.body()[Symbol.asyncIterator]();
    expect((await chunks.next()).done).toBe(false);
    await folder.write("me.crt", `${pem("bob.crt")}\n`);
    await folder.write("me.key", `${pem("bob.key")}\n`);
    await (await get(connection)).json();
    expect(server.open()).toHaveLength(2);
    stop.abort();
    await expect(chunks.next()).rejects.toHaveProperty("name", "AbortError");
  });

  test("a client certificate as data", async () => {
    let name: string | undefined;
    await using server = await startApiServer({
      answer(request, response) {
        name = clientName(request);
        answerJson(response, 200, {});
      },
    });
    await using folder = await makeFolder();
    const user = {
      "client-certificate-data": base64(pem("bob.crt")),
      "client-key-data": base64(pem("bob.key")),
    };
    await using connection = await folder.connect({ server: server.url, user });
    await get(connection);
    expect(name).toBe("bob");
  });

  test("a certificate and a key that do not belong together", async () => {
    await using folder = await makeFolder();
    const user = { "client-certificate-data": base64(pem("bob.crt")), "client-key-data": base64(pem("alice.key")) };
    await using connection = await folder.connect({ server: "https://127.0.0.1:1", user });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(error.message).not.toContain("BEGIN");
  });
});
