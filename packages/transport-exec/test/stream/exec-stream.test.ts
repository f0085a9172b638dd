import { describe, expect, test } from "vitest";
import type { ClusterConnection, ClusterSocket } from "@kinsync/core/contract";
import { parseStatus } from "../../src/stream/exec-status.ts";
import { ExecStream, type ExecEnd } from "../../src/stream/exec-stream.ts";

/** A socket whose server is the test. */
class PlayedSocket implements ClusterSocket {
  readonly protocol: string;
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  readonly dones: ((error?: Error) => void)[] = [];
  closedWith: number | undefined;
  onMessage: ((data: Uint8Array) => void) | undefined;
  onPong: (() => void) | undefined;
  onClose: ((end: { readonly code: number; readonly reason: string; readonly error?: Error }) => void) | undefined;

  constructor(protocol = "v5.channel.k8s.io") {
    this.protocol = protocol;
  }

  send(data: Uint8Array, done?: (error?: Error) => void): void {
    this.sent.push(Uint8Array.from(data));
    if (done !== undefined) this.dones.push(done);
  }

  ping(): void {}
  pause(): void {}
  resume(): void {}

  close(code?: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.onClose?.({ code: 1006, reason: "", error: new Error("terminated") });
  }

  sends(channel: number, text: string): void {
    this.onMessage?.(Buffer.concat([Uint8Array.of(channel), Buffer.from(text)]));
  }
}

async function play(socket: PlayedSocket): Promise<{ stream: ExecStream; out: string[]; err: string[] }> {
  const cluster = { webSocket: async () => socket } as unknown as ClusterConnection;
  const [out, err]: string[][] = [[], []];
  const target = { namespace: "n", pod: "p", container: "c" };
  const stream = await ExecStream.open(cluster, target, ["sh"], {
    signal: AbortSignal.timeout(10_000),
    handshakeTimeout: 1_000,
    pingInterval: 60_000,
    onStdout: (data) => out?.push(Buffer.from(data).toString()),
    onStderr: (data) => err?.push(Buffer.from(data).toString()),
  });
  return { stream, out: out ?? [], err: err ?? [] };
}

const FAILURE = JSON.stringify({
  status: "Failure",
  reason: "NonZeroExitCode",
  message: "command terminated with exit code 7",
  details: { causes: [{ reason: "ExitCode", message: "7" }] },
});

describe("a stream ends exactly once and reports how", () => {
  test.each<[string, (socket: PlayedSocket) => void, Partial<ExecEnd>]>([
    [
      "with a status",
      (socket) => {
        socket.sends(3, FAILURE);
        socket.onClose?.({ code: 1000, reason: "" });
      },
      { why: "status", status: { success: false, exitCode: 7, message: "command terminated with exit code 7" } },
    ],
    [
      "with a status and a broken connection after it",
      (socket) => {
        socket.sends(3, `{"status":"Success"}`);
        socket.onClose?.({ code: 1006, reason: "", error: new Error("reset") });
      },
      { why: "status", status: { success: true, exitCode: 0, message: "" } },
    ],
    ["with a close alone", (socket) => socket.onClose?.({ code: 1001, reason: "bye" }), { why: "closed", code: 1001 }],
    ["with a broken connection", (socket) => socket.terminate(), { why: "error" }],
  ])("%s", async (_name, act, expected) => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    act(socket);
    expect(await stream.ended).toMatchObject(expected);
  });

  test("and `drained` then resolves", async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    socket.bufferedAmount = 10_000_000;
    stream.write("x");
    const waiting = stream.drained();
    socket.terminate();
    await waiting;
    stream.write("into the void");
    await stream.drained();
    expect(stream.isOver).toBe(true);
  });
});

describe("standard input", () => {
  test("written in one turn is sent as one message on its channel", async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    stream.write("header\n");
    stream.write(Buffer.from("payload"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.sent.map((message) => Buffer.from(message).toString())).toEqual(["\0header\npayload"]);
  });

  test("is sent in order, in messages of at most 64 KiB", async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    const bytes = Buffer.alloc(200_000, "0123456789");
    stream.write(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    expect(Math.max(...socket.sent.map((message) => message.length))).toBe(64 * 1024 + 1);
    expect(Buffer.concat(socket.sent.map((message) => message.subarray(1))).equals(bytes)).toBe(true);
  });

  test("waits for a full socket", async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    socket.bufferedAmount = 1_000_000;
    stream.write("x");
    let isDrained = false;
    const drained = stream.drained().then(() => (isDrained = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDrained).toBe(false);
    socket.bufferedAmount = 0;
    for (const done of socket.dones) done();
    await drained;
  });

  test("ends with a close signal on v5, and with the connection on v4", async () => {
    const [five, four] = [new PlayedSocket(), new PlayedSocket("v4.channel.k8s.io")];
    (await play(five)).stream.endInput();
    (await play(four)).stream.endInput();
    expect(five.sent).toEqual([Uint8Array.of(255, 0)]);
    expect(five.closedWith).toBeUndefined();
    expect(four.sent).toEqual([]);
    expect(four.closedWith).toBe(1000);
  });
});

describe("disposal", () => {
  /** Reports whether it has settled after all microtasks. */
  const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
    let settled = false;
    void promise.finally(() => (settled = true));
    await new Promise((resolve) => setImmediate(resolve));
    return settled;
  };

  test("waits until what was written has left, and not for the server's answer", async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    stream.write("the end\n");
    const disposal = stream[Symbol.asyncDispose]();
    expect(await isSettled(disposal)).toBe(false);
    expect(socket.sent).toEqual(
      [Buffer.from("\0the end\n"), Uint8Array.of(255, 0)].map((each) => Uint8Array.from(each)),
    );
    expect(socket.closedWith).toBe(1000);
    for (const done of socket.dones) done();
    await disposal;
    expect(stream.isOver).toBe(false);
    socket.onClose?.({ code: 1000, reason: "" });
    expect(await stream.ended).toMatchObject({ why: "closed", code: 1000 });
  });

  test("waits for the end on v4, which has no last message", async () => {
    const socket = new PlayedSocket("v4.channel.k8s.io");
    const { stream } = await play(socket);
    const disposal = stream[Symbol.asyncDispose]();
    expect(await isSettled(disposal)).toBe(false);
    socket.onClose?.({ code: 1000, reason: "" });
    await disposal;
    expect(stream.isOver).toBe(true);
  });

  test("ends where the connection breaks before anything has left", async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    const disposal = stream[Symbol.asyncDispose]();
    socket.onClose?.({ code: 1006, reason: "", error: new Error("reset") });
    await disposal;
    expect(stream.isOver).toBe(true);
  });

  test("drops a connection that nothing leaves any more", { timeout: 10_000 }, async () => {
    const socket = new PlayedSocket();
    const { stream } = await play(socket);
    await stream[Symbol.asyncDispose]();
    expect(await stream.ended).toMatchObject({ why: "error" });
  });
});

test("output is dispatched by channel; greetings and unknown channels are ignored", async () => {
  const socket = new PlayedSocket();
  const { out, err } = await play(socket);
  for (const [channel, text] of [
    [0, ""],
    [1, "out"],
    [2, "err"],
    [9, "?"],
    [255, "\u0001"],
  ] as const) {
    socket.sends(channel, text);
  }
  expect([out, err]).toEqual([["out"], ["err"]]);
});

test.each([
  ["not\u001b[31m\r\n JSON", { success: false, exitCode: undefined, message: "not JSON" }],
  ["null", { success: false, exitCode: undefined, message: "null" }],
  [
    `{"status":"Failure","message":"container not found"}`,
    { success: false, exitCode: undefined, message: "container not found" },
  ],
  [
    `{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"x"}]}}`,
    { exitCode: undefined },
  ],
])("a status of %j is parsed without a throw", (text, expected) => {
  expect(parseStatus(Buffer.from(text))).toMatchObject(expected);
});
