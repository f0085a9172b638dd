import { describe, expect, test } from "vitest";
import { get, makeFolder } from "../support/kubeconfig-file.ts";
import { open, startSocketServer, type End, endOf } from "../support/socket-server.ts";

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
