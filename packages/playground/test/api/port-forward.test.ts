import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

let api: TestApi;
let server: Server;
let port: number;
beforeEach(async () => {
  api = await startApi();
  api.runningPod("app");
  // The container's program: it answers with what it got, in capitals, and ends.
  server = createServer((socket) => {
    socket.on("error", () => undefined).once("data", (chunk: Buffer) => socket.end(chunk.toString().toUpperCase()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.close();
  await api[Symbol.asyncDispose]();
});

function open(query: string, protocol = "v4.channel.k8s.io", pod = "app"): WebSocket {
  const url = `${api.url.replace("https", "wss")}/api/v1/namespaces/default/pods/${pod}/portforward?${query}`;
  return new WebSocket(url, [protocol], {
    headers: { authorization: `Bearer ${api.token}` },
    rejectUnauthorized: false,
  });
}

interface Forwarded {
  readonly code: number;
  /** Without the port in front. */
  readonly data: string;
  readonly error: string;
  readonly port: number;
}

async function forward(socket: WebSocket, message: string): Promise<Forwarded> {
  const channels: [Buffer[], Buffer[]] = [[], []];
  socket.on("message", (data: Buffer) => channels[data[0] === 1 ? 1 : 0].push(data.subarray(1)));
  await once(socket, "open");
  socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(message)]));
  const [code] = (await once(socket, "close")) as [number];
  const [data, error] = channels.map((chunks) => Buffer.concat(chunks)) as [Buffer, Buffer];
  return { code, port: data.readUInt16LE(), data: data.toString("utf8", 2), error: error.toString("utf8", 2) };
}

test("a connection reaches the port of a container, with the number of the port in front of each channel", async () => {
  expect(await forward(open(`ports=${port}`), "hello")).toEqual({ code: 1000, port, data: "HELLO", error: "" });
});

test("a port on which nothing listens is an error on the second channel", async () => {
  server.close();
  const { data, error } = await forward(open(`ports=${port}`), "hello");
  expect(data).toBe("");
  expect(error).toMatch(/^error forwarding port \d+ to pod app_default, uid : .*connect: connection refused$/);
});

test.each([
  ["without a port", "", undefined, "app", 400],
  ["with a port that is not one", "ports=x", undefined, "app", 400],
  ["with another protocol", "ports=80", "v5.channel.k8s.io", "app", 400],
  ["of a pod that does not exist", "ports=80", undefined, "none", 404],
])("an upgrade %s is refused", async (_, query, protocol, pod, status) => {
  const socket = open(query, protocol, pod);
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, { readonly statusCode: number }];
  expect(response.statusCode).toBe(status);
  socket.on("error", () => undefined).terminate();
});
