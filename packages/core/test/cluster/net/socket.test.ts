import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import type { ClusterConnection, ClusterSocket } from "@kinsync/core/contract";
import { startApiServer, statusBody, type ApiServerOptions } from "../support/api-server.ts";
import { writePlugin } from "../support/credential-plugin.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

const EXEC = "/api/v1/namespaces/ml/pods/train-0/exec";
const V5 = "v5.channel.k8s.io";

function open(connection: ClusterConnection, signal = AbortSignal.timeout(20_000)): Promise<ClusterSocket> {
  const query = { command: ["sh", "-c", "a b"], stdin: true, container: undefined };
  return connection.webSocket(EXEC, query, [V5, "v4.channel.k8s.io"], signal);
}

/** A server whose side of each WebSocket is played by the test. */
function startSocketServer(play: (socket: WebSocket) => void, options: { authorization?: string } = {}) {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false });
  const upgrade: ApiServerOptions["upgrade"] = (request, socket, head) => {
    upgrades.push(request.url ?? "");
    if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
      refuse(socket, 401, statusBody(401, "Unauthorized", "Unauthorized"));
      return;
    }
    sockets.handleUpgrade(request, socket, head, play);
  };
  const upgrades: string[] = [];
  return startApiServer({ upgrade }).then((server) => ({ ...server, upgrades }));
}

function refuse(socket: NodeJS.WritableStream, status: number, body: object): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
}

/** Head of the answer that opens a WebSocket (RFC 6455, section 4.2.2), for a server that writes its frames itself. */
function switching(request: IncomingMessage): string {
  const key = `${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "connection: upgrade",
    "upgrade: websocket",
    `sec-websocket-protocol: ${V5}`,
    `sec-websocket-accept: ${createHash("sha1").update(key).digest("base64")}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

type End = Parameters<NonNullable<ClusterSocket["onClose"]>>[0];

function endOf(socket: ClusterSocket): Promise<End> {
  return new Promise((resolve) => {
    socket.onClose = resolve;
  });
}

describe("an open WebSocket", () => {
  test("carries bytes both ways, with the query as asked and the protocol that the server chose", async () => {
    await using server = await startSocketServer((socket) => {
      socket.on("message", (data) => socket.send(Buffer.concat([Buffer.from("echo "), data as Buffer])));
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url, user: { token: "t" } });
    const socket = await open(connection);
    const message = new Promise<string>((resolve) => {
      socket.onMessage = (data) => resolve(Buffer.from(data).toString());
    });
    const sent = new Promise((resolve) => {
      socket.send(Buffer.from("hi"), resolve);
    });
    expect(await sent).toBeUndefined();
    expect(await message).toBe("echo hi");
    expect(socket.protocol).toBe(V5);
    expect(server.upgrades).toEqual([`${EXEC}?command=sh&command=-c&command=a+b&stdin=true`]);
  });

  test("what the server sends in one packet with its answer is not lost", async () => {
    await using server = await startApiServer({
      upgrade(request, socket) {
        const frames = ["1", "2", "3"].map((text) => Buffer.from([0x82, 1, text.charCodeAt(0)]));
        const close = Buffer.concat([Buffer.from([0x88, 6, 0x03, 0xe8]), Buffer.from("done")]);
        socket.write(Buffer.concat([Buffer.from(switching(request)), ...frames, close]));
        socket.once("data", () => socket.end());
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const got: string[] = [];
    const socket = await open(connection);
    socket.onMessage = (data) => void got.push(Buffer.from(data).toString());
    expect(await endOf(socket)).toEqual({ code: 1000, reason: "done" });
    expect(got).toEqual(["1", "2", "3"]);
  });

  test("what is sent goes out as it is, since the mask is zero", async () => {
    let frame: Promise<Buffer> | undefined;
    await using server = await startApiServer({
      upgrade(request, socket) {
        socket.write(switching(request));
        frame = once(socket, "data").then(([bytes]) => bytes as Buffer);
      },
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    (await open(connection)).send(Buffer.from("abc"));
    // Final, binary; masked, 3 bytes; the mask.
    expect(await frame).toEqual(Buffer.from([0x82, 0x83, 0, 0, 0, 0, 0x61, 0x62, 0x63]));
  });

  test("a ping is answered", async () => {
    await using server = await startSocketServer(() => undefined);
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const socket = await open(connection);
    const pong = new Promise<string>((resolve) => {
      socket.onPong = () => resolve("pong");
    });
    socket.ping();
    expect(await pong).toBe("pong");
  });

  test("while it is paused the server cannot send on, and after that nothing is missing", async () => {
    const total = 24 * 1024 * 1024;
    let server: WebSocket | undefined;
    await using api = await startSocketServer((socket) => {
      server = socket;
      const chunk = Buffer.alloc(64 * 1024);
      for (let sent = 0; sent < total; sent += chunk.length) socket.send(chunk);
      socket.close();
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: api.url });
    const socket = await open(connection);
    let size = 0;
    socket.onMessage = (data) => void (size += data.length);
    socket.pause();
    // A round trip on the same server: what could come has come.
    for (let i = 0; i < 3; i += 1) await (await get(connection)).json();
    expect(size).toBe(0);
    expect(server?.bufferedAmount).toBeGreaterThan(0);
    socket.resume();
    await endOf(socket);
    expect(size).toBe(total);
  });

  test("what was handed over and is not gone yet is counted", async () => {
    await using server = await startSocketServer((socket) => socket.pause());
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const socket = await open(connection);
    for (let i = 0; i < 16; i += 1) socket.send(Buffer.alloc(1024 * 1024));
    expect(socket.bufferedAmount).toBeGreaterThan(1024 * 1024);
    const end = endOf(socket);
    socket.terminate();
    await end;
  });
});

describe("the end of a WebSocket is told once", () => {
  test("the server closes it", async () => {
    await using server = await startSocketServer((socket) => socket.close(1011, "no \u001b[31mmore"));
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    expect(await endOf(await open(connection))).toEqual({ code: 1011, reason: "no more" });
  });

  test("we close it; what the server still had to say is delivered", async () => {
    await using server = await startSocketServer((socket) => {
      socket.once("close", () => undefined).send("last words");
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const socket = await open(connection);
    const got: string[] = [];
    socket.onMessage = (data) => void got.push(Buffer.from(data).toString());
    socket.pause();
    const end = endOf(socket);
    socket.close(1000);
    expect((await end).code).toBe(1000);
    expect(got).toEqual(["last words"]);
  });

  test("we drop it: no error, since it was our own wish", async () => {
    await using server = await startSocketServer(() => undefined);
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const socket = await open(connection);
    const end = endOf(socket);
    socket.terminate();
    expect(await end).toEqual({ code: 1006, reason: "" });
  });

  test("the network drops it in the middle", async () => {
    await using server = await startSocketServer(() => undefined);
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const socket = await open(connection);
    let times = 0;
    const end = new Promise<End>((resolve) => {
      socket.onClose = (end) => {
        times += 1;
        resolve(end);
      };
    });
    for (const connection of server.open()) connection.resetAndDestroy();
    const { code, error } = await end;
    expect([code, (error as { code?: string }).code]).toEqual([1006, "KINSYNC_CLUSTER_UNREACHABLE"]);
    // Whoever sends now is told, not thrown at.
    const sent = await new Promise((resolve) => {
      socket.send(Buffer.from("late"), resolve);
    });
    expect(sent).toBeInstanceOf(Error);
    socket.close();
    socket.terminate();
    socket.ping();
    expect(times).toBe(1);
  });

  test("it ended before its owner came to listen", async () => {
    await using server = await startSocketServer((socket) => socket.terminate());
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const socket = await open(connection);
    await (await get(connection)).json();
    expect((await endOf(socket)).code).toBe(1006);
  });

  test("the server sends more than one message may hold", async () => {
    await using server = await startSocketServer((socket) => {
      socket.on("error", () => undefined).send(Buffer.alloc(17 * 1024 * 1024));
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const { error } = await endOf(await open(connection));
    expect(error).toBeInstanceOf(Error);
  });

  test("disposing of the connection ends it", async () => {
    await using server = await startSocketServer(() => undefined);
    await using folder = await makeFolder();
    const connection = await folder.connect({ server: server.url });
    const end = endOf(await open(connection));
    await connection[Symbol.asyncDispose]();
    expect((await end).code).toBe(1006);
    await expect(open(connection)).rejects.toThrow("closed");
  });
});

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

  test("a page of a proxy comes instead", async () => {
    await using server = await startApiServer({
      upgrade: (_, socket) => void socket.end("HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n<html>hush</html>"),
    });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const error = await errorOf(open(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_BUSY");
    expect(error.message).not.toContain("hush");
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
    expect(error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
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
    expect((await errorOf(open(connection))).code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
  });
});
