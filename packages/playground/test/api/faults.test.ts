import { once } from "node:events";

import { afterEach, beforeEach, expect, test } from "vitest";
import type { WebSocket } from "ws";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const CAT = "stdin=1&stdout=1&command=cat";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
  api.runningPod("app");
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

function input(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), bytes]);
}

interface Reading {
  readonly closed: Promise<number>;
  output(): Buffer;
  status(): string;
}

function read(socket: WebSocket): Reading {
  const parts: Record<number, Buffer[]> = {};
  socket.on("message", (data: Buffer) => {
    (parts[data[0] ?? -1] ??= []).push(data.subarray(1));
  });
  socket.on("error", () => undefined);
  return {
    closed: new Promise((resolve) => {
      socket.once("close", resolve);
    }),
    output: () => Buffer.concat(parts[1] ?? []),
    status: () => Buffer.concat(parts[3] ?? []).toString("utf8"),
  };
}

async function echo(socket: WebSocket, reading: Reading, text: string): Promise<void> {
  const wanted = reading.output().length + text.length;
  socket.send(input(Buffer.from(text)));
  while (reading.output().length < wanted) {
    await once(socket, "message");
  }
}

test("a denied verb is forbidden, also in access reviews, until it is allowed again", async () => {
  api.faults.deny({ verb: "create", resource: "pods", subresource: "exec" });
  const review = (verb: string): Promise<unknown> =>
    api
      .call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        body: { spec: { resourceAttributes: { verb, resource: "pods", subresource: "exec", namespace: "default" } } },
      })
      .then(({ body }) => (body["status"] as { allowed: boolean }).allowed);
  expect([await review("create"), await review("get")]).toEqual([false, true]);
  api.faults.deny({ verb: "list", resource: "configmaps" });
  expect(await api.call("GET", MAPS)).toMatchObject({
    code: 403,
    body: {
      reason: "Forbidden",
      message:
        'configmaps is forbidden: User "kinsync-playground" cannot list resource "configmaps" in API group "" in the namespace "default"',
    },
  });
  api.faults.allow({ verb: "list", resource: "configmaps" });
  expect((await api.call("GET", MAPS)).code).toBe(200);
  expect(await review("create")).toBe(false);
  api.faults.allow();
  expect(await review("create")).toBe(true);
});

test("server errors occur the given number of times, with Retry-After", async () => {
  api.faults.respond({ resource: "configmaps" }, { code: 429, times: 2, retryAfterSeconds: 3 });
  for (const code of [429, 429, 200]) {
    const answer = await api.call("GET", MAPS);
    expect(answer.code).toBe(code);
    expect(answer.headers["retry-after"]).toBe(code === 429 ? "3" : undefined);
  }
  using _fault = api.faults.respond({});
  expect(await api.call("GET", "/api/v1/namespaces")).toMatchObject({ code: 500, body: { reason: "InternalError" } });
});

test("a hanging request gets its response when the fault ends", async () => {
  const hang = api.faults.hang({ resource: "configmaps" });
  const waiting = api.call("GET", MAPS);
  expect((await api.call("GET", "/api/v1/secrets")).code).toBe(200);
  hang[Symbol.dispose]();
  expect((await waiting).code).toBe(200);
});

test("a session is cut at the exact byte of its output", async () => {
  api.faults.cutExec({ direction: "stdout", afterBytes: 100_001 });
  const socket = api.exec("stdout=1&command=head&command=-c&command=500000&command=/dev/zero");
  const reading = read(socket);
  expect(await reading.closed).toBe(1006);
  expect(reading.output().length).toBe(100_001);
  expect(reading.status()).toBe("");
  const next = read(api.exec("stdout=1&command=head&command=-c&command=500000&command=/dev/zero"));
  expect(await next.closed).toBe(1000);
  expect(next.output().length).toBe(500_000);
});

test("a session is cut at the exact byte of its input", async () => {
  api.faults.cutExec({ direction: "stdin", afterBytes: 5 });
  const socket = api.exec(CAT);
  const reading = read(socket);
  await once(socket, "open");
  await echo(socket, reading, "abc");
  socket.send(input(Buffer.from("defgh")));
  expect(await reading.closed).toBe(1006);
  expect(["abc", "abcde"]).toContain(reading.output().toString());
});

test("a stalled session passes no bytes, responds to pings, and continues afterwards", async () => {
  const socket = api.exec(CAT);
  const reading = read(socket);
  await once(socket, "open");
  await echo(socket, reading, "before ");
  const stall = api.faults.stallExec({ pod: "app" });
  socket.send(input(Buffer.from("after")));
  socket.ping();
  await once(socket, "pong");
  expect(reading.output().toString()).toBe("before ");
  stall[Symbol.dispose]();
  await once(socket, "message");
  expect(reading.output().toString()).toBe("before after");
});

test("a slow session slows its sender and loses nothing", async () => {
  using _slow = api.faults.slowExec({ bytesPerSecond: 2_000_000, direction: "stdin" });
  const socket = api.exec(CAT);
  const reading = read(socket);
  await once(socket, "open");
  const bytes = Buffer.alloc(600_000, "slow");
  socket.send(input(bytes.subarray(0, 300_000)));
  socket.send(input(bytes.subarray(300_000)));
  socket.ping();
  let ponged = -1;
  socket.on("pong", () => {
    ponged = reading.output().length;
  });
  socket.send(Buffer.from([255, 0]));
  expect(await reading.closed).toBe(1000);
  expect(reading.output().equals(bytes)).toBe(true);
  expect(ponged).toBeGreaterThan(0);
});

test("a delayed session is accepted later, or never if its client has disconnected", async () => {
  const delay = api.faults.delayExec(60_000);
  const socket = api.exec(CAT);
  const left = read(socket);
  setImmediate(() => {
    socket.terminate();
  });
  expect(await left.closed).toBe(1006);
  delay[Symbol.dispose]();
  using _short = api.faults.delayExec(10);
  const next = api.exec(CAT);
  await once(next, "open");
  next.terminate();
});

test("sessions end with a false success, as when the kubelet is killed", async () => {
  const socket = api.exec(CAT);
  const reading = read(socket);
  await once(socket, "open");
  await echo(socket, reading, "x");
  expect(api.faults.endExec("success", { pod: "other" })).toBe(0);
  expect(api.faults.endExec("success")).toBe(1);
  expect(await reading.closed).toBe(1000);
  expect(JSON.parse(reading.status())).toMatchObject({ status: "Success" });
});

test("a paused API refuses connections, keeps its sessions, and resumes on its port", async () => {
  const socket = api.exec(CAT);
  const reading = read(socket);
  await once(socket, "open");
  const watch = await api.watch(`${MAPS}?watch=1`);
  await api.faults.pause();
  await expect(watch.next()).rejects.toThrow(/aborted/);
  await expect(api.call("GET", MAPS)).rejects.toThrow(/ECONNREFUSED/);
  await echo(socket, reading, "alive");
  await api.faults.resume();
  expect((await api.call("GET", MAPS)).code).toBe(200);
  await api.faults.pause({ sessions: "cut" });
  expect(await reading.closed).toBe(1006);
  await api.faults.resume();
});

test("clear() ends all faults", async () => {
  api.faults.deny({ resource: "configmaps" });
  api.faults.respond({ resource: "secrets" });
  api.faults.hang({ resource: "services" });
  api.faults.stallExec();
  api.faults.clear();
  for (const resource of ["configmaps", "secrets", "services"]) {
    expect((await api.call("GET", `/api/v1/${resource}`)).code).toBe(200);
  }
  const reading = read(api.exec("stdout=1&command=echo&command=hi"));
  await reading.closed;
  expect(reading.output().toString()).toBe("hi\n");
});
