import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { type WebSocket } from "ws";
import { startApiServer } from "../support/api-server.ts";
import { get, makeFolder } from "../support/kubeconfig-file.ts";
import { EXEC, V5, open, startSocketServer, switching, endOf } from "../support/socket-server.ts";

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
