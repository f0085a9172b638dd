import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";
import type { WebSocket } from "ws";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

let api: TestApi;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "playground-exec-"));
  api = await startApi();
  api.runningPod("app");
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly status: Readonly<Record<string, unknown>> | undefined;
  readonly code: number;
  readonly channels: readonly number[];
}

function query(command: readonly string[], streams = "stdout=1&stderr=1"): string {
  return `${streams}&${command.map((part) => `command=${encodeURIComponent(part)}`).join("&")}`;
}

/** Reads a session to its end. */
async function outcome(socket: WebSocket): Promise<Outcome> {
  const parts: Record<number, Buffer[]> = {};
  const channels: number[] = [];
  socket.on("message", (data: Buffer) => {
    const channel = data[0] ?? -1;
    channels.push(channel);
    (parts[channel] ??= []).push(data.subarray(1));
  });
  const [code] = (await once(socket, "close")) as [number];
  const joined = (channel: number): Buffer => Buffer.concat(parts[channel] ?? []);
  const status = joined(3).toString("utf8");
  return {
    stdout: joined(1),
    stderr: joined(2).toString("utf8"),
    status: status === "" ? undefined : (JSON.parse(status) as Record<string, unknown>),
    code,
    channels,
  };
}

/** The answer to an upgrade that is refused. */
async function refusal(socket: WebSocket): Promise<{ code: number; status: Record<string, unknown> }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; status: Record<string, unknown> }>();
  socket.on("unexpected-response", (_request, response) => {
    void response.toArray().then((chunks: Buffer[]) => {
      const text = Buffer.concat(chunks).toString("utf8");
      resolve({ code: response.statusCode ?? 0, status: JSON.parse(text) as Record<string, unknown> });
    }, reject);
  });
  socket.on("error", reject);
  return promise;
}

function input(text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), Buffer.from(text)]);
}

test("output, error output and exit code are separate, after an empty first frame", async () => {
  const socket = api.exec(query(["sh", "-c", "echo out; echo err >&2; exit 3"]));
  const seen = await outcome(socket);
  expect(seen.stdout.toString()).toBe("out\n");
  expect(seen.stderr).toBe("err\n");
  expect(seen.channels[0]).toBe(1);
  expect(seen.code).toBe(1000);
  expect(seen.status).toMatchObject({
    status: "Failure",
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: "3" }] },
  });
});

test("success is reported", async () => {
  expect((await outcome(api.exec(query(["true"])))).status).toEqual({ metadata: {}, status: "Success" });
});

test("in v5, the input can end before output and status", async () => {
  const socket = api.exec(query(["wc", "-c"], "stdin=1&stdout=1"));
  await once(socket, "open");
  expect(socket.protocol).toBe("v5.channel.k8s.io");
  socket.send(input("four"));
  socket.send(Buffer.from([255, 0]));
  const seen = await outcome(socket);
  expect(seen.stdout.toString().trim()).toBe("4");
  expect(seen.status).toMatchObject({ status: "Success" });
});

test("v4 is used with clients that offer only it, and has no end of input", async () => {
  const socket = api.exec(query(["cat"], "stdin=1&stdout=1"), { protocols: ["v4.channel.k8s.io"] });
  await once(socket, "open");
  expect(socket.protocol).toBe("v4.channel.k8s.io");
  socket.send(Buffer.from([255, 0]));
  expect((await outcome(socket)).status).toBeUndefined();
});

test("v5 is chosen if both are offered; an unknown protocol is refused", async () => {
  const both = api.exec(query(["true"]), { protocols: ["v4.channel.k8s.io", "v5.channel.k8s.io"] });
  await once(both, "open");
  expect(both.protocol).toBe("v5.channel.k8s.io");
  await outcome(both);
  expect(await refusal(api.exec(query(["true"]), { protocols: ["v1.channel.k8s.io"] }))).toMatchObject({ code: 403 });
});

test("a megabyte is echoed unchanged", async () => {
  const socket = api.exec(query(["cat"], "stdin=1&stdout=1"));
  const ended = outcome(socket);
  await once(socket, "open");
  const bytes = Buffer.alloc(1 << 20, "kinsync ");
  for (let at = 0; at < bytes.length; at += 65_536) {
    socket.send(input(bytes.subarray(at, at + 65_536)));
  }
  socket.send(Buffer.from([255, 0]));
  expect((await ended).stdout.equals(bytes)).toBe(true);
});

test("a process that reads nothing blocks the sender", async () => {
  const socket = api.exec(query(["sleep", "60"], "stdin=1&stdout=1"));
  await once(socket, "open");
  const chunk = input(Buffer.alloc(1 << 20));
  for (let count = 0; count < 64; count += 1) {
    socket.send(chunk);
  }
  // A ping behind the data gets no answer: the server does not read it.
  let answered = false;
  socket.on("pong", () => {
    answered = true;
  });
  socket.ping();
  await outcome(api.exec(query(["sleep", "0.2"])));
  expect(answered).toBe(false);
  expect(socket.bufferedAmount).toBeGreaterThan(32 << 20);
  socket.terminate();
});

test("a client that reads nothing blocks the process", async () => {
  const mark = join(folder, "written");
  const socket = api.exec(query(["sh", "-c", `head -c 64000000 /dev/zero; touch ${mark}`]));
  const ended = outcome(socket);
  await once(socket, "open");
  socket.pause();
  await outcome(api.exec(query(["sleep", "0.2"])));
  expect(existsSync(mark)).toBe(false);
  socket.resume();
  expect((await ended).stdout.length).toBe(64_000_000);
  expect(existsSync(mark)).toBe(true);
});

test("after a cut connection, the process continues and its input ends", async () => {
  const mark = join(folder, "ended");
  const script = `tee ${mark}.part; sleep 0.05; mv ${mark}.part ${mark}`;
  const socket = api.exec(query(["sh", "-c", script], "stdin=1&stdout=1"));
  await once(socket, "open");
  socket.send(input("last words"));
  for (let length = 0; length < 2;) {
    const [data] = (await once(socket, "message")) as [Buffer];
    length = data.length;
  }
  socket.terminate();
  await expect.poll(() => (existsSync(mark) ? readFileSync(mark, "utf8") : undefined)).toBe("last words");
});

test("with a terminal, both outputs share a channel", async () => {
  const socket = api.exec(`${query(["sh", "-c", "echo err >&2"], "stdout=1&stderr=1")}&tty=1`);
  const seen = await outcome(socket);
  expect(seen.stdout.toString()).toBe("err\n");
  expect(seen.stderr).toBe("");
});

test("resize frames and unknown channels are ignored", async () => {
  const socket = api.exec(query(["cat"], "stdin=1&stdout=1"));
  await once(socket, "open");
  socket.send(Buffer.from([4, ...Buffer.from('{"Width":80,"Height":24}')]));
  socket.send(Buffer.from([9, 1, 2]));
  socket.send(input("x"));
  socket.send(Buffer.from([255, 0]));
  expect((await outcome(socket)).stdout.toString()).toBe("x");
});

test("errors that the API server detects are reported before the upgrade", async () => {
  api.runningPod("two", ["a", "b"]);
  expect(await refusal(api.exec(query(["true"]), { pod: "gone" }))).toMatchObject({
    code: 404,
    status: { reason: "NotFound", message: 'pods "gone" not found' },
  });
  expect(await refusal(api.exec(query(["true"]), { pod: "two" }))).toMatchObject({
    code: 400,
    status: { message: "a container name must be specified for pod two, choose one of: [a b]" },
  });
  expect(await refusal(api.exec(`${query(["true"])}&container=c`, { pod: "two" }))).toMatchObject({
    code: 400,
    status: { message: "container c is not valid for pod two" },
  });
});

test("errors that only the kubelet detects are reported after the upgrade", async () => {
  api.runningPod("half", ["up", "down"]);
  const seen = await outcome(api.exec(`${query(["true"])}&container=down`, { pod: "half" }));
  expect(seen.status).toMatchObject({
    status: "Failure",
    reason: "InternalError",
    message: 'Internal error occurred: unable to upgrade connection: container not found ("down")',
    code: 500,
  });
  const missing = await outcome(api.exec(query(["/no/such/command"])));
  expect(missing.status).toMatchObject({ status: "Failure", reason: "InternalError" });
  const mute = await outcome(api.exec(query(["true"], "")));
  expect(mute.channels).toEqual([3, 3]);
});

test("SPDY is refused, so that kubectl uses WebSockets", async () => {
  const path = `/api/v1/namespaces/default/pods/app/exec?${query(["true"])}`;
  const answer = await api.call("POST", path, { headers: { Connection: "Upgrade", Upgrade: "SPDY/3.1" } });
  expect(answer).toMatchObject({ code: 400, body: { kind: "Status" } });
});
