import { createServer as createHttp } from "node:http";
import { createServer as createTcp, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { base64, startApiServer } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

/** Every host leads to this port: the tests' names are known to nobody. */
interface TestProxy extends AsyncDisposable {
  readonly port: number;
  readonly asked: string[];
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

function join(a: Socket, b: Socket): void {
  a.pipe(b).pipe(a);
  for (const socket of [a, b]) socket.on("error", () => undefined).once("close", () => void (a.destroy(), b.destroy()));
}

async function startHttpProxy(target: number, wanted?: string): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createHttp();
  server.on("connect", (request, client: Socket) => {
    asked.push(request.url ?? "");
    sockets.add(client);
    if (wanted !== undefined && request.headers["proxy-authorization"] !== wanted) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const upstream = connect(target, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      join(client, upstream);
    });
  });
  return {
    port: await listen(server),
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** RFC 1928 as far as the tests go. `login`: what user and password must be. */
async function startSocksProxy(target: number, login?: string, reply = 0): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const serve = async (client: Socket): Promise<void> => {
    sockets.add(client);
    client.on("error", () => undefined);
    const chunks = client[Symbol.asyncIterator]();
    const next = async () => {
      const chunk: IteratorResult<unknown> = await chunks.next().catch(() => ({ done: true, value: undefined }));
      return chunk.done === true ? Buffer.alloc(0) : (chunk.value as Buffer);
    };
    await next();
    client.write(Buffer.from([5, login === undefined ? 0 : 2]));
    if (login !== undefined) {
      const bytes = await next();
      const length = bytes[1] ?? 0;
      const given = `${bytes.toString("utf8", 2, 2 + length)}:${bytes.toString("utf8", 3 + length)}`;
      client.write(Buffer.from([1, given === login ? 0 : 1]));
      if (given !== login) return;
    }
    const wish = await next();
    if (wish.length === 0) return;
    asked.push(wish[3] === 3 ? wish.toString("utf8", 5, 5 + (wish[4] ?? 0)) : wish.subarray(4, 8).join("."));
    const upstream = connect(target, "127.0.0.1", () => {
      client.write(Buffer.from([5, reply, 0, 1, 127, 0, 0, 1, 0, 1]));
      upstream.pipe(client);
    });
    upstream.on("error", () => undefined);
    client.once("close", () => upstream.destroy());
    for (let bytes = await next(); bytes.length > 0; bytes = await next()) upstream.write(bytes);
    upstream.end();
  };
  const server = createTcp((client) => void serve(client));
  return {
    port: await listen(server),
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Answers each chunk with the next reply; where there is none, it closes the connection. An empty reply is none at all. */
async function startRawProxy(
  replies: readonly (readonly number[])[],
): Promise<Pick<TestProxy, "port"> & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createTcp((client) => {
    sockets.add(client);
    const left = [...replies];
    client
      .on("error", () => undefined)
      .on("data", () => {
        const reply = left.shift();
        if (reply === undefined) client.end();
        else if (reply.length > 0) client.write(Buffer.from(reply));
      });
  });
  return {
    port: await listen(server),
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe("through a proxy", () => {
  test.each([true, false])("HTTPS_PROXY, proxy-url in the kubeconfig: %s", async (inKubeconfig) => {
    await using server = await startApiServer();
    await using proxy = await startHttpProxy(server.port);
    await using folder = await makeFolder();
    const url = `http://127.0.0.1:${proxy.port}`;
    await using connection = await folder.connect(
      {
        server: `https://api.kinsync.test:${server.port}`,
        ...(inKubeconfig ? { cluster: { "proxy-url": url } } : {}),
      },
      { env: inKubeconfig ? { NO_PROXY: "*" } : { HTTPS_PROXY: url } },
    );
    await (await get(connection)).json();
    await (await get(connection)).json();
    // One tunnel, kept alive; the name is left to the proxy.
    expect(proxy.asked).toEqual([`api.kinsync.test:${server.port}`]);
    expect(server.requests).toHaveLength(2);
  });

  test("with user and password", async () => {
    await using server = await startApiServer();
    await using proxy = await startHttpProxy(server.port, `Basic ${base64("me:p@ss")}`);
    await using folder = await makeFolder();
    const cluster = { "proxy-url": `http://me:p%40ss@127.0.0.1:${proxy.port}` };
    await using connection = await folder.connect({ server: `https://api.kinsync.test:${server.port}`, cluster });
    expect((await get(connection)).status).toBe(200);
  });

  test("that wants a password: its address is named without the one that was given", async () => {
    await using server = await startApiServer();
    await using proxy = await startHttpProxy(server.port, "Basic other");
    await using folder = await makeFolder();
    const cluster = { "proxy-url": `http://me:hush@127.0.0.1:${proxy.port}` };
    await using connection = await folder.connect({ server: `https://api.kinsync.test:${server.port}`, cluster });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
    expect(error.message).toContain(`the proxy http://127.0.0.1:${proxy.port} answered 407 to CONNECT`);
    expect(`${error.message} ${error.hint}`).not.toContain("hush");
  });

  test("that is not there", async () => {
    await using folder = await makeFolder();
    const cluster = { "proxy-url": "http://127.0.0.1:1" };
    await using connection = await folder.connect({ server: "https://api.kinsync.test", cluster });
    expect((await errorOf(get(connection))).hint).toContain("Check the proxy http://127.0.0.1:1");
  });

  test("SOCKS5, with and without a password", async () => {
    await using server = await startApiServer();
    await using open = await startSocksProxy(server.port);
    await using closed = await startSocksProxy(server.port, "me:pass");
    await using folder = await makeFolder();
    for (const [proxy, login] of [
      [open, ""],
      [closed, "me:pass@"],
    ] as const) {
      const cluster = { "proxy-url": `socks5://${login}127.0.0.1:${proxy.port}` };
      await using connection = await folder.connect({ server: `https://api.kinsync.test:${server.port}`, cluster });
      expect((await get(connection)).status).toBe(200);
      expect(proxy.asked).toEqual(["api.kinsync.test"]);
    }
  });

  test.each([
    ["me:wrong@", 0, "it refused user and password"],
    ["", 0, "it requires user and password"],
    ["me:pass@", 5, "it could not connect: connection refused"],
  ])("SOCKS5 that will not: %s, reply %d", async (login, reply, sentence) => {
    await using server = await startApiServer();
    await using proxy = await startSocksProxy(server.port, "me:pass", reply);
    await using folder = await makeFolder();
    const cluster = { "proxy-url": `socks5://${login}127.0.0.1:${proxy.port}` };
    await using connection = await folder.connect({ server: `https://api.kinsync.test:${server.port}`, cluster });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
    expect(error.message).toContain(sentence);
    expect(inspect(error, { depth: 20 })).not.toMatch(/wrong|\bpass\b/);
  });

  test.each([
    ["another protocol", [[72, 84, 84, 80]], "it does not speak SOCKS5"],
    ["no login method in common", [[5, 255]], "it requires a login method that kinsync does not support"],
    [
      "an expired hop",
      [
        [5, 0],
        [5, 6, 0, 1, 0, 0, 0, 0, 0, 0],
      ],
      "it could not connect: TTL expired",
    ],
    [
      "a reply without a meaning",
      [
        [5, 0],
        [5, 99, 0, 1, 0, 0, 0, 0, 0, 0],
      ],
      "for a reason that SOCKS5 does not define",
    ],
    ["the end of the connection", [], "it closed the connection"],
  ])("SOCKS5 that answers with %s", async (_situation, replies, sentence) => {
    await using proxy = await startRawProxy(replies);
    await using folder = await makeFolder();
    const cluster = { "proxy-url": `socks5://127.0.0.1:${proxy.port}` };
    await using connection = await folder.connect({ server: "https://api.kinsync.test:6443", cluster });
    expect((await errorOf(get(connection))).message).toContain(sentence);
  });

  test("SOCKS5 with a password that is too long", async () => {
    await using proxy = await startRawProxy([[5, 2]]);
    await using folder = await makeFolder();
    const cluster = { "proxy-url": `socks5://me:${"x".repeat(256)}@127.0.0.1:${proxy.port}` };
    await using connection = await folder.connect({ server: "https://api.kinsync.test:6443", cluster });
    const error = await errorOf(get(connection));
    expect(error.message).toContain("user or password is longer than the 255 bytes that SOCKS5 allows");
    expect(inspect(error, { depth: 20 })).not.toContain("xxx");
  });

  test("SOCKS5 that never answers ends with the time limit", async () => {
    await using proxy = await startRawProxy([[]]);
    await using folder = await makeFolder();
    const cluster = { "proxy-url": `socks5://127.0.0.1:${proxy.port}` };
    await using connection = await folder.connect(
      { server: "https://api.kinsync.test:6443", cluster },
      { timeouts: { connect: 200 } },
    );
    expect((await errorOf(get(connection))).message).toContain("no connection within 200ms");
  });

  test("a proxy-url that is none", async () => {
    await using folder = await makeFolder();
    const cluster = { "proxy-url": "ftp://me:hush@x" };
    const error = await errorOf(folder.connect({ server: "https://a", cluster }));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
    expect(error.message).not.toContain("hush");
  });
});
