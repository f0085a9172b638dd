import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { startApiServer, statusBody } from "../support/api-server.ts";
import { writePlugin } from "../support/credential-plugin.ts";
import { errorOf, makeFolder } from "../support/kubeconfig-file.ts";
import { open, startSocketServer, refuse, endOf } from "../support/socket-server.ts";

describe("a WebSocket that is not opened", () => {
  test("the server says why", async () => {
    const message =
      'pods "train-0" is forbidden: User "dev" cannot create resource "pods/exec" in API group "" in the namespace "ml"';
    await using server = await startApiServer({
      upgrade: (_, socket) => refuse(socket, 403, statusBody(403, "Forbidden", message)),
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const error = await errorOf(open(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
    expect(error.message).toBe(`Cannot exec into pod ml/train-0: ${message}`);
    expect(error.hint).toContain('resources: ["pods/exec"]');
    expect(error.details["status"]).toBe(403);
  });

  test("the pod is gone", async () => {
    const body = {
      ...statusBody(404, "NotFound", 'pods "train-0" not found'),
      details: { kind: "pods", name: "train-0" },
    };
    await using server = await startApiServer({ upgrade: (_, socket) => refuse(socket, 404, body) });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect((await errorOf(open(connection))).code).toBe("KINSYNC_TARGET_GONE");
  });

  test.for([
    ["a page that forbids", 403, "<html>hush: blocked by policy</html>"],
    ["no answer worth the name", 400, "Bad Request"],
    ["another page", 404, "404 page not found"],
    ["a gateway's error", 502, "<html>hush</html>"],
    ["an error in another JSON", 503, '{"error":"hush"}'],
    ["nothing at all", 200, ""],
    ["that an upgrade is required", 426, "Upgrade Required"],
    [
      "the API server's word that the header is lost",
      400,
      JSON.stringify(statusBody(400, "BadRequest", "Upgrade request required")),
    ],
  ] as const)(
    "%s comes instead: the error names the WebSocket and the way, and no missing right",
    async ([, status, body]) => {
      await using server = await startApiServer({
        upgrade: (_, socket) =>
          void socket.end(
            `HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
          ),
      });
      await using folder = await makeFolder();
      await using connection = await folder.connect({ server: server.url });
      const error = await errorOf(open(connection));
      expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_WEBSOCKET", "retry"]);
      expect(error.message).toMatch(/WebSocket/);
      expect(error.message).toContain("a proxy or a load balancer on the way to it");
      expect(`${error.message} ${error.hint}`).not.toMatch(/hush|forbidden|rule/);
    },
  );

  test("an answer 101 without the server's key is told as no WebSocket", async () => {
    await using server = await startApiServer({
      upgrade: (_, socket) =>
        void socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect((await errorOf(open(connection))).code).toBe("KINSYNC_CLUSTER_WEBSOCKET");
  });

  test("credentials that are refused are renewed and tried once more", async () => {
    await using server = await startSocketServer((socket) => socket.close(), { authorization: "Bearer t2" });
    await using folder = await makeFolder();
    const plugin = await writePlugin(folder, "give({ token: `t${run}` });");
    await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
    expect((await endOf(await open(connection))).code).toBe(1005);
    expect([server.upgrades.length, (await plugin.runs()).length]).toEqual([2, 2]);
  });

  test("credentials that stay refused are an error", async () => {
    await using server = await startSocketServer((socket) => socket.close(), { authorization: "nobody" });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url, user: { token: "t" } });
    expect((await errorOf(open(connection))).code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(server.upgrades).toHaveLength(1);
  });

  test("the server never answers", async () => {
    let closed: Promise<unknown> | undefined;
    await using server = await startApiServer({ upgrade: (_, socket) => void (closed = once(socket, "close")) });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url }, { timeouts: { handshake: 200 } });
    const error = await errorOf(open(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_WEBSOCKET");
    expect(error.message).toContain("no data for 200ms");
    await closed;
  });

  test("the server hangs up", async () => {
    await using server = await startApiServer({ upgrade: (_, socket) => void socket.destroy() });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect((await errorOf(open(connection))).message).toContain("the connection was cut");
  });

  test("nobody is there", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    silent.close();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: `https://127.0.0.1:${port}` });
    expect((await errorOf(open(connection))).message).toContain("connection refused");
  });

  test("the token cannot be sent: neither it nor the connection is left anywhere", async () => {
    await using server = await startSocketServer(() => undefined);
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url, user: { token: "hush\nhush" } });
    const error = await errorOf(open(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
    expect(JSON.stringify([error.message, error.hint, error.details, String(error.cause)])).not.toContain("hush");
    await Promise.all(server.open().map((socket) => once(socket, "close")));
    expect(server.open()).toEqual([]);
  });

  test("the caller gives up", async () => {
    const stop = new AbortController();
    await using server = await startApiServer({ upgrade: () => stop.abort(new Error("enough")) });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    await expect(open(connection, stop.signal)).rejects.toThrow("enough");
  });

  test("the answer is no WebSocket's", async () => {
    await using server = await startApiServer({
      upgrade: (_, socket) =>
        void socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect((await errorOf(open(connection))).code).toBe("KINSYNC_CLUSTER_WEBSOCKET");
  });
});
