import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { answerJson, base64, clientName, pem, startApiServer } from "../support/api-server.ts";
import { writePlugin } from "../support/credential-plugin.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";
import { serverFor } from "../support/token-server.ts";

describe("a credential plugin", () => {
  test("runs once for 50 requests at once, and for those after", async () => {
    await using server = await serverFor("Bearer t1");
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "give({ token: `t${run}` });");
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => get(connection)));
    await get(connection);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(await plugin.runs()).toHaveLength(1);
  });

  test("runs once more when the server refuses what it gave, however many were refused", async () => {
    await using server = await serverFor("Bearer t2");
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "give({ token: `t${run}` });");
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(connection)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(await plugin.runs()).toHaveLength(2);
  });

  test("a refusal that comes late, of what was replaced meanwhile, costs no further run", async () => {
    const late: ServerResponse[] = [];
    await using server = await startApiServer({
      answer(request, response) {
        if (request.headers.authorization === "Bearer t2") {
          answerJson(response, 200, {});
          for (const held of late.splice(0)) answerJson(held, 401, {});
        } else if (server.requests.length === 1) late.push(response);
        else answerJson(response, 401, {});
      },
    });
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "give({ token: `t${run}` });");
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    const answers = await Promise.all([get(connection), get(connection)]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    expect(await plugin.runs()).toHaveLength(2);
  });

  test("a server that refuses all of it is answered with the 401, after one more run", async () => {
    await using server = await serverFor("nobody");
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "give({ token: `t${run}` });");
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    expect((await get(connection)).status).toBe(401);
    expect([server.requests.length, (await plugin.runs()).length]).toEqual([2, 2]);
  });

  test("runs again once its token has ended, not before", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    const plugin = await writePlugin(
      folder,
      "give({ token: `t${run}`, expirationTimestamp: new Date(Date.now() + (run === 1 ? -1000 : 3_600_000)).toISOString() });",
    );
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    for (let i = 0; i < 3; i += 1) await (await get(connection)).json();
    expect(server.requests.map((request) => request.headers.authorization)).toEqual([
      "Bearer t1",
      "Bearer t2",
      "Bearer t2",
    ]);
  });

  test("its certificate replaces the one before, with new connections", async () => {
    const names: (string | undefined)[] = [];
    await using server = await startApiServer({
      answer(request, response) {
        names.push(clientName(request));
        if (clientName(request) === "bob") answerJson(response, 200, {});
        else answerJson(response, 401, {});
      },
    });
    await using folder = await makeFolder();
    const pairs = ["alice", "bob"].map((name) => ({
      clientCertificateData: pem(`${name}.crt`),
      clientKeyData: pem(`${name}.key`),
    }));
    const plugin = await writePlugin(folder, `give(${JSON.stringify(pairs)}[run - 1]);`);
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    expect((await get(connection)).status).toBe(200);
    expect(names).toEqual(["alice", "bob"]);
  });

  test("is told about the cluster where it asks for it, and gets its environment", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, 'give({ token: "t" });', {
      provideClusterInfo: true,
      env: [{ name: "EXTRA", value: "yes" }],
    });
    const extensions = [{ name: "client.authentication.k8s.io/exec", extension: { audience: "x" } }];
    await using connection = await folder.connect({
      server: server.url,
      cluster: { extensions },
      user: { exec: plugin.exec },
    });
    await get(connection);
    const [run] = await plugin.runs();
    expect(run?.extra).toBe("yes");
    expect(run?.info).toEqual({
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      spec: {
        interactive: false,
        cluster: {
          server: server.url,
          "certificate-authority-data": base64(pem("ca.crt")),
          config: { audience: "x" },
        },
      },
    });
  });

  test("may show its user something where there is a terminal", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, 'console.error("open https://login"); give({ token: "t" });', {
      interactiveMode: "IfAvailable",
    });
    let shown = "";
    const lent: string[] = [];
    const lend = () => ({ [Symbol.dispose]: () => void lent.push("returned"), lent: lent.push("lent") });
    const terminal = { lend, onOutput: (text: string) => void (shown += text) };
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } }, { terminal });
    await get(connection);
    expect(shown).toBe("open https://login\n");
    expect(lent).toEqual(["lent", "returned"]);
    expect((await plugin.runs())[0]?.info["spec"]).toEqual({ interactive: true });
  });

  test("a prompt outlives the requests that wait for it, and nobody starts a second one", async () => {
    await using server = await serverFor("Bearer t1");
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "setTimeout(() => give({ token: `t${run}` }), run === 1 ? 1500 : 0);", {
      interactiveMode: "IfAvailable",
    });
    const terminal = { lend: () => ({ [Symbol.dispose]: () => undefined }), onOutput: () => undefined };
    const exec = { ...plugin.exec };
    const connecting = folder.connect({ server: server.url, user: { exec } }, { terminal });
    await using connection = await connecting;
    expect(await plugin.runs()).toHaveLength(1);
    expect((await get(connection)).status).toBe(200);
  });

  test("closing the connection ends a plugin that still prompts", async () => {
    await using server = await serverFor("Bearer t2");
    await using folder = await makeFolder();
    const plugin = await writePlugin(
      folder,
      "if (run === 1) give({ token: 't1' }); else setTimeout(() => give({ token: `t${run}` }), 60_000);",
      { interactiveMode: "IfAvailable" },
    );
    const lent: string[] = [];
    const lend = () => ({ [Symbol.dispose]: () => void lent.push("returned") });
    const connection = await folder.connect(
      { server: server.url, user: { exec: plugin.exec } },
      { terminal: { lend, onOutput: () => undefined } },
    );
    await errorOf(get(connection, AbortSignal.timeout(2_000)));
    expect(await plugin.runs()).toHaveLength(2);
    await connection[Symbol.asyncDispose]();
    await expect.poll(() => lent).toEqual(["returned", "returned"]);
  });

  test.each([
    ["wants a terminal and there is none", "", { interactiveMode: "Always" }, "there is no terminal"],
    ["is of a version that is no more", "", { apiVersion: "client.authentication.k8s.io/v1alpha1" }, "v1alpha1"],
    [
      "fails",
      'console.error("no session, run: login"); process.exit(3);',
      {},
      "failed (exit code 3): no session, run: login",
    ],
    ["prints nothing", "", {}, "it printed nothing"],
    ["prints text", 'console.log("hush");', {}, "something that is not JSON"],
    ["prints another object", 'console.log("{}");', {}, "did not print an ExecCredential"],
    ["gives nothing", "give({});", {}, "neither a token nor a certificate"],
    ["gives half", 'give({ clientKeyData: "hush" });', {}, "one of certificate and key without the other"],
    ["never ends", "setInterval(() => undefined, 1000);", {}, "did not end within 1s"],
  ])("it %s", async (_, body, entry, sentence) => {
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, body, entry);
    await using connection = await folder.connect(
      { server: "https://127.0.0.1:1", user: { exec: plugin.exec } },
      { timeouts: { credentials: sentence.includes("1s") ? 1000 : 20_000 } },
    );
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(error.message).toContain(sentence);
    expect(error.message).not.toContain("hush");
  });

  test("it is not installed: its own hint says how to", async () => {
    await using folder = await makeFolder();
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "kinsync-no-such-plugin",
      args: ["--password", "hush"],
      installHint: "Install it with: brew install plugin",
      interactiveMode: "Never",
    };
    await using connection = await folder.connect({ server: "https://127.0.0.1:1", user: { exec } });
    const error = await errorOf(get(connection));
    expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_CREDENTIALS", "terminal"]);
    expect(error.message).toBe(
      'The credential plugin kinsync-no-such-plugin of user "u" cannot be started: no such program',
    );
    expect(error.hint).toBe("Install it with: brew install plugin");
  });

  test("a bare name is looked up in PATH, a path is relative to the kubeconfig", async () => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({
      server: "https://127.0.0.1:1",
      user: {
        exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./bin/none", interactiveMode: "Never" },
      },
    });
    const error = await errorOf(get(connection));
    expect((error.cause as { path?: string }).path).toBe(`${folder.path}/bin/none`);
  });

  test("what looks like a secret on its stderr is not shown", async () => {
    await using folder = await makeFolder();
    const secrets = [
      "token=hush1",
      '"refresh_token": "hush2"',
      "Authorization: Bearer hush3",
      "https://me:hush4@idp.example/x",
      `eyJhbGciOiJSUzI1NiJ9.${"hush5".repeat(10)}.sig`,
      "password: hush6",
      `hush7${"Q".repeat(80)}`,
    ];
    const text = JSON.stringify(
      ["it broke", ...secrets, "/usr/lib/some/rather/long/path/that/is/still/worth/reading/in/an/error/message"].join(
        "\n",
      ),
    );
    const plugin = await writePlugin(folder, `console.error(${text}); process.exitCode = 1;`);
    await using connection = await folder.connect({ server: "https://127.0.0.1:1", user: { exec: plugin.exec } });
    const error = await errorOf(get(connection));
    expect(error.message).toContain("it broke");
    expect(error.message).toContain("/usr/lib/some/rather/long/path/that/is/still/worth/reading/in/an/error/message");
    expect(error.message).not.toContain("hush");
  });

  test("one caller gives up: the others get their answer, from one run", async () => {
    await using server = await serverFor("Bearer t1");
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "setTimeout(() => give({ token: `t${run}` }), 200);");
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    const stop = new AbortController();
    const first = get(connection, stop.signal);
    const second = get(connection);
    stop.abort();
    await expect(first).rejects.toHaveProperty("name", "AbortError");
    expect((await second).status).toBe(200);
    expect(await plugin.runs()).toHaveLength(1);
  });
});
