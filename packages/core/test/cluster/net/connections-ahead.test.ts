import { connect, createServer, Socket, type AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { ConnectionsAhead } from "../../../src/cluster/net/connections-ahead.ts";
import { startApiServer } from "../support/api-server.ts";
import { get, makeFolder } from "../support/kubeconfig-file.ts";

const never = new AbortController().signal;
const FAR_MS = 40;

/** A server behind a relay that delays the begin of each connection. */
async function startFarServer() {
  const server = await startApiServer();
  const relay = createServer({ pauseOnConnect: true }, (client) => {
    client.on("error", () => undefined);
    void delay(FAR_MS).then(() => {
      const upstream = connect(server.port, "127.0.0.1").on("error", () => client.destroy());
      client.pipe(upstream).pipe(client);
      client.on("close", () => upstream.destroy());
    });
  });
  await new Promise<void>((resolve) => {
    relay.listen(0, "127.0.0.1", resolve);
  });
  const { port } = relay.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    open: () => server.open(),
    connections: () => server.connections(),
    async [Symbol.asyncDispose]() {
      relay.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("to a server far away twelve connections are opened ahead, requests use them, and the end closes them", async () => {
  await using server = await startFarServer();
  await using folder = await makeFolder();
  const connection = await folder.connect({ server: server.url });
  connection.expectSockets?.();
  expect(server.connections()).toBe(0);
  await get(connection);
  await expect.poll(() => server.connections()).toBe(13);
  await Promise.all([get(connection), get(connection), get(connection)]);
  expect(server.connections()).toBe(13);
  await connection[Symbol.asyncDispose]();
  await expect.poll(() => server.open().length).toBe(0);
});

test("to a server that is near, and where no socket is expected, none is", async () => {
  await using far = await startFarServer();
  await using folder = await makeFolder();
  await using quiet = await folder.connect({ server: far.url });
  await get(quiet);
  const open = vi.fn(() => Promise.reject(new Error("not called")));
  const near = new ConnectionsAhead(open);
  near.fill();
  near.note(3);
  near.note(500);
  near.fill();
  await delay(2 * FAR_MS);
  expect(far.connections()).toBe(1);
  expect(open).not.toHaveBeenCalled();
  expect(await near.take(never)).toBeUndefined();
});

test("what is not used within seconds is closed, and what the server closed is not used", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const sockets: Socket[] = [];
    const ahead = new ConnectionsAhead(() => {
      const socket = new Socket();
      sockets.push(socket);
      return Promise.resolve(socket);
    });
    ahead.note(FAR_MS);
    ahead.fill();
    await nextTurn();
    expect(sockets.length).toBe(12);
    sockets[0]?.destroy();
    await nextTurn();
    expect(await ahead.take(never)).toBe(sockets[1]);
    vi.advanceTimersByTime(5_000);
    await nextTurn();
    expect(sockets.filter(({ destroyed }) => !destroyed)).toEqual([sockets[1]]);
    expect(await ahead.take(never)).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});

test("who takes one that is being opened receives its failure, and an abort closes it", async () => {
  const openings: PromiseWithResolvers<never>[] = [];
  const ahead = new ConnectionsAhead(() => {
    const opening = Promise.withResolvers<never>();
    openings.push(opening);
    return opening.promise;
  });
  ahead.note(FAR_MS);
  ahead.fill();
  const failing = ahead.take(never);
  openings[0]?.reject(new Error("refused"));
  await expect(failing).rejects.toThrow("refused");
  const stop = new AbortController();
  const aborted = ahead.take(stop.signal);
  stop.abort(new Error("the target is gone"));
  await expect(aborted).rejects.toThrow("the target is gone");
  // One that failed before somebody needed it is nobody's failure.
  for (const { reject } of openings) reject(new Error("refused"));
  await delay(1);
  expect(await ahead.take(never)).toBeUndefined();
});
