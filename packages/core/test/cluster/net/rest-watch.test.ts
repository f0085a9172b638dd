import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { startApiServer } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

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
