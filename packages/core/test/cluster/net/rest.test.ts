import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { answerJson, base64, pem, startApiServer, statusBody } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

describe("a server that answers", () => {
  test("20 requests one after the other are one connection", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    for (let i = 0; i < 20; i += 1) expect(await (await get(connection)).json()).toEqual({ items: [] });
    expect([server.requests.length, server.connections()]).toEqual([20, 1]);
  });

  test("every status is an answer, also 403 and 500", async () => {
    await using server = await startApiServer({
      answer: (request, response) => answerJson(response, Number(request.url?.slice(1)), { a: 1 }),
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    for (const status of [200, 302, 401, 403, 404, 410, 429, 500, 503]) {
      const response = await connection.request({ path: `/${status}`, signal: AbortSignal.timeout(10_000) });
      expect([response.status, await response.json()]).toEqual([status, { a: 1 }]);
    }
  });

  test("query, Accept, prefix of the server and port are as asked", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: `${server.url}/k8s/clusters/c-1/` });
    const query = { limit: 500, labelSelector: "a in (b, c),d!=ü&", watch: true, continue: undefined };
    const signal = AbortSignal.timeout(10_000);
    await (await connection.request({ path: "/api/v1/pods", query, accept: "x/y", signal })).json();
    const [request] = server.requests;
    const url = new URL(request?.url ?? "", "http://x");
    expect(url.pathname).toBe("/k8s/clusters/c-1/api/v1/pods");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      limit: "500",
      labelSelector: "a in (b, c),d!=ü&",
      watch: "true",
    });
    expect(request?.headers).toMatchObject({
      accept: "x/y",
      host: `127.0.0.1:${server.port}`,
      "user-agent": "kinsync",
    });
    expect(request?.method).toBe("GET");
  });

  test.each(["//elsewhere.example/x", "pods", "/a?b=c", "/a b", "/a\r\nb"])("%j is no path", async (path) => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://127.0.0.1:1" });
    await expect(connection.request({ path, signal: AbortSignal.timeout(10_000) })).rejects.toThrow(TypeError);
  });

  test("a packed answer is unpacked; a watch does not ask for one", async () => {
    await using server = await startApiServer({
      answer(request, response) {
        if (!String(request.headers["accept-encoding"]).includes("gzip"))
          return answerJson(response, 200, { plain: 1 });
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.end(gzipSync(JSON.stringify({ packed: "x".repeat(100_000) })));
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect(await (await get(connection)).json()).toEqual({ packed: "x".repeat(100_000) });
    const signal = AbortSignal.timeout(10_000);
    const watch = await connection.request({ path: "/api/v1/pods", query: { watch: true }, signal });
    expect(await watch.json()).toEqual({ plain: 1 });
    expect(server.connections()).toBe(1);
  });

  test("a page instead of JSON is reported as such, without its content", async () => {
    await using server = await startApiServer({
      answer(_, response) {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
        response.end("<html>secret login</html>");
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const error = await errorOf((await get(connection)).json());
    expect(error.code).toBe("KINSYNC_CLUSTER_ANSWER");
    expect(error.message).toContain("not JSON (text/html)");
    expect(error.message).not.toContain("secret");
  });

  test("a kept connection that the server closed costs no failure", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    await (await get(connection)).json();
    // A reset without a word, as a load balancer does it.
    const [kept] = server.open();
    kept?.resetAndDestroy();
    expect((await get(connection)).status).toBe(200);
    expect(server.connections()).toBe(2);
  });

  test("kept connections that lead nowhere by now cost no failure, and only one of them any time", async () => {
    const silent = new Set<unknown>();
    const held: (() => void)[] = [];
    await using server = await startApiServer({
      answer(request, response) {
        if (silent.has(request.socket)) return;
        held.push(() => answerJson(response, 200, { items: [] }));
        if (server.requests.length >= 3) for (const answer of held.splice(0)) answer();
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url }, { timeouts: { kept: 100 } });
    await Promise.all([1, 2, 3].map(async () => (await get(connection)).json()));
    expect(server.connections()).toBe(3);
    for (const { socket } of server.requests) silent.add(socket);
    expect((await get(connection)).status).toBe(200);
    // Three kept ones, of which one was tried, and the new one.
    expect([server.requests.length, server.connections()]).toEqual([5, 4]);
  });

  test("over plain HTTP too", async () => {
    await using server = await startApiServer({ certificate: undefined });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect(await (await get(connection)).json()).toEqual({ items: [] });
  });
});

describe("a watch", () => {
  test("comes line by line, and leaving the loop ends it on the server", async () => {
    let closed: Promise<unknown> | undefined;
    await using server = await startApiServer({
      answer(request, response) {
        closed = once(request.socket, "close");
        response.writeHead(200);
        response.write('{"n":1}\n');
        request.socket.on("data", () => undefined);
        setImmediate(() => response.write('{"n":2}\n'));
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const response = await get(connection);
    let text = "";
    for await (const chunk of response.body()) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"n":2')) break;
    }
    expect(text).toBe('{"n":1}\n{"n":2}\n');
    await closed;
  });

  test("an abort ends it with the reason of the signal", async () => {
    let closed: Promise<unknown> | undefined;
    await using server = await startApiServer({
      answer(request, response) {
        closed = once(request.socket, "close");
        response.writeHead(200);
        response.write("x");
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const stop = new AbortController();
    const response = await get(connection, stop.signal);
    const reason = new Error("enough");
    const read = (async () => {
      for await (const _ of response.body()) stop.abort(reason);
    })();
    await expect(read).rejects.toBe(reason);
    await closed;
  });

  test("silence for longer than the idle time is an error, steady bytes are none", async () => {
    await using server = await startApiServer({
      answer(_, response) {
        response.writeHead(200);
        let sent = 0;
        const timer = setInterval(() => {
          response.write("x");
          sent += 1;
          if (sent === 8) clearInterval(timer);
        }, 200);
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const signal = AbortSignal.timeout(20_000);
    const response = await connection.request({ path: "/x", signal, idleTimeout: 1200 });
    let size = 0;
    const error = await errorOf(
      (async () => {
        for await (const chunk of response.body()) size += chunk.length;
      })(),
    );
    expect(size).toBe(8);
    expect(error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
    expect(error.message).toContain("no data for 1.2s");
  });

  test("a reader that takes its time does not count as silence of the server", async () => {
    await using server = await startApiServer({
      answer(_, response) {
        response.writeHead(200);
        response.end(Buffer.alloc(4 * 1024 * 1024, 0x78));
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const signal = AbortSignal.timeout(20_000);
    const response = await connection.request({ path: "/x", signal, idleTimeout: 500 });
    let size = 0;
    for await (const chunk of response.body()) {
      if (size === 0) await new Promise((resolve) => setTimeout(resolve, 800));
      size += chunk.length;
    }
    expect(size).toBe(4 * 1024 * 1024);
  });

  test("a connection that breaks in the middle is an error that may be tried again", async () => {
    await using server = await startApiServer({
      answer(_, response) {
        response.writeHead(200);
        response.write("x", () => response.destroy());
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const response = await get(connection);
    const error = await errorOf(response.json());
    expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_UNREACHABLE", "retry"]);
    expect(error.message).toContain("the connection was cut");
  });

  test("disposing of the connection ends it", async () => {
    await using server = await startApiServer({
      answer(_, response) {
        response.writeHead(200);
        response.write("x");
      },
    });
    await using folder = await makeFolder();
    const connection = await folder.connect({ server: server.url });
    const response = await get(connection);
    const read = (async () => {
      for await (const _ of response.body()) await connection[Symbol.asyncDispose]();
    })();
    await expect(read).rejects.toThrow("closed");
    await expect(get(connection)).rejects.toThrow("closed");
  });
});

describe("a server that does not answer", () => {
  test("connection refused", async () => {
    const server = await startApiServer();
    await server[Symbol.asyncDispose]();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const error = await errorOf(get(connection));
    expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_UNREACHABLE", "retry"]);
    expect(error.message).toBe(`The API server ${server.url} (context "test") did not answer: connection refused`);
  });

  test("a host name that nobody knows", async () => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://nowhere.invalid:6443" });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
    expect(error.message).toMatch(/host name (?:is not known|cannot be looked up)/);
  });

  test("it takes the connection and never speaks TLS", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    await using folder = await makeFolder();
    const server = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await using connection = await folder.connect({ server }, { timeouts: { connect: 100 } });
    const error = await errorOf(get(connection));
    silent.close();
    expect(error.message).toContain("no connection within 100ms");
  });

  test("it speaks plain HTTP where HTTPS is meant", async () => {
    await using server = await startApiServer({ certificate: undefined });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url.replace("http:", "https:") });
    expect((await errorOf(get(connection))).message).toContain("the server does not use TLS on this port");
  });

  test("it never answers the request", async () => {
    await using server = await startApiServer({ answer: () => undefined });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url }, { timeouts: { idle: 100 } });
    const error = await errorOf(get(connection));
    expect(error.message).toContain("no data for 100ms");
  });

  test("an abort while it is waited for", async () => {
    const stop = new AbortController();
    await using server = await startApiServer({ answer: () => stop.abort() });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    await expect(get(connection, stop.signal)).rejects.toHaveProperty("name", "AbortError");
  });
});

describe("the server's certificate", () => {
  test.each([
    ["another authority", "server", base64(pem("other-ca.crt")), "its authority is not", "certificate-authority"],
    ["another name", "foreign", base64(pem("ca.crt")), "it is for other names", "it has DNS:elsewhere.kinsync.test"],
    ["expired", "expired", base64(pem("ca.crt")), "it has expired", "certificate-authority"],
  ])("%s", async (_, certificate, data, reason, hint) => {
    await using server = await startApiServer({ certificate });
    await using folder = await makeFolder();
    const cluster = { "certificate-authority-data": data };
    await using connection = await folder.connect({ server: server.url, cluster });
    const error = await errorOf(get(connection));
    expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_CERTIFICATE", "terminal"]);
    expect(error.message).toContain(reason);
    expect(error.hint).toContain(hint);
  });

  test("another name that tls-server-name allows", async () => {
    await using server = await startApiServer({ certificate: "foreign" });
    await using folder = await makeFolder();
    const cluster = { "tls-server-name": "elsewhere.kinsync.test" };
    await using connection = await folder.connect({ server: server.url, cluster });
    expect((await get(connection)).status).toBe(200);
  });

  test("nothing is checked with insecure-skip-tls-verify", async () => {
    await using server = await startApiServer({ certificate: "expired" });
    await using folder = await makeFolder();
    const cluster = { "insecure-skip-tls-verify": true, "certificate-authority-data": undefined };
    await using connection = await folder.connect({ server: server.url, cluster });
    expect((await get(connection)).status).toBe(200);
  });

  test("the authority is a file, and the file is replaced", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await folder.write("ca.crt", pem("other-ca.crt"));
    const cluster = { "certificate-authority": "ca.crt", "certificate-authority-data": undefined };
    await using connection = await folder.connect({ server: server.url, cluster });
    expect((await errorOf(get(connection))).code).toBe("KINSYNC_CLUSTER_CERTIFICATE");
    await folder.write("ca.crt", `${pem("ca.crt")}\n`);
    expect((await get(connection)).status).toBe(200);
  });

  test.each([
    [
      "is not a certificate",
      { "certificate-authority-data": base64("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----") },
    ],
    ["cannot be read", { "certificate-authority": "none.crt", "certificate-authority-data": undefined }],
  ])("the authority of the kubeconfig %s", async (why, cluster) => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://127.0.0.1:1", cluster });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
    expect(error.message).toContain(why);
  });
});

describe("asking for permissions", () => {
  const question = { verb: "create", group: "", resource: "pods", subresource: "exec", namespace: "ml" };

  test.each([
    [true, 201, { allowed: true }],
    [false, 201, { allowed: false }],
    [false, 201, { allowed: false, denied: true, evaluationError: "x" }],
    [undefined, 201, { allowed: false, evaluationError: "webhook down" }],
    [undefined, 201, {}],
    [undefined, 403, {}],
    [undefined, 404, {}],
  ])("%s: HTTP %d with %j", async (expected, code, status) => {
    const bodies: string[] = [];
    await using server = await startApiServer({
      answer(request, response) {
        let body = "";
        request.setEncoding("utf8").on("data", (text: string) => (body += text));
        request.once("end", () => {
          bodies.push(`${request.method} ${request.url} ${body}`);
          answerJson(response, code, { kind: "SelfSubjectAccessReview", status });
        });
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect(await connection.canI(question, AbortSignal.timeout(10_000))).toBe(expected);
    expect(bodies[0]).toMatch(/^POST \/apis\/authorization.k8s.io\/v1\/selfsubjectaccessreviews \{/);
    expect(bodies[0]).toContain(`"resourceAttributes":${JSON.stringify(question)}`);
  });

  test("refused credentials are an error", async () => {
    await using server = await startApiServer({
      answer: (_, response) => answerJson(response, 401, statusBody(401, "Unauthorized", "Unauthorized")),
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const error = await errorOf(connection.canI(question, AbortSignal.timeout(10_000)));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
  });
});
