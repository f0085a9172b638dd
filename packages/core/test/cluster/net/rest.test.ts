import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { answerJson, startApiServer, statusBody } from "../support/api-server.ts";
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
