import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KinsyncError } from "../../src/errors/error.ts";
import type { ForwardEvent } from "../../src/forward/events.ts";
import { openForwards, type Forwards } from "../../src/forward/open-forwards.ts";
import type { ForwardRule } from "../../src/forward/forward-rule.ts";
import type { Member } from "../../src/resolve/resolution.ts";
import { memberOf } from "../logs/support/fake-logs.ts";
import { EchoPods } from "./support/echo-pods.ts";

let pods: EchoPods;
let stop: AbortController;
let events: ForwardEvent[];
let forwards: Forwards | undefined;

beforeEach(() => {
  pods = new EchoPods();
  stop = new AbortController();
  events = [];
});

afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await forwards?.[Symbol.asyncDispose]();
  forwards = undefined;
});

/** Opens one port that is free. @returns its number */
async function open(rule: Partial<ForwardRule> = {}, waitMs = 400): Promise<number> {
  const rules = [{ port: 8265, localPort: 0, ...rule }];
  const options = { cluster: pods.cluster, rules, signal: stop.signal, waitMs };
  forwards = await openForwards({ ...options, onEvent: (event) => events.push(event) });
  const opened = events.findLast(({ type }) => type === "opened");
  if (opened?.type !== "opened") throw new Error("no port was opened");
  return opened.localPort;
}

function update(...members: readonly Member[]): void {
  forwards?.update({ members });
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Sends a message, and returns the answer to it. */
async function ask(socket: Socket, message: string): Promise<string> {
  socket.write(message);
  const [answer] = (await once(socket, "data")) as [Buffer];
  return answer.toString();
}

function failures(): readonly (readonly [code: string, message: string])[] {
  return events.flatMap((event) => (event.type === "failed" ? [[event.error.code, event.error.message] as const] : []));
}

test("a connection goes to the member that is current now, and a later one to the member that replaced it", async () => {
  const port = await open();
  update(memberOf("old"));
  const first = await dial(port);
  expect(await ask(first, "hello")).toBe("old: hello");
  update(memberOf("old", { state: "superseded" }), memberOf("new"));
  const second = await dial(port);
  expect(await ask(second, "hello")).toBe("new: hello");
  // What is open stays with its member.
  expect(await ask(first, "again")).toBe("old: again");
  expect(pods.asked[0]).toEqual({
    path: "/api/v1/namespaces/ml/pods/old/portforward",
    ports: "8265",
    protocols: ["v4.channel.k8s.io"],
  });
});

test("of several members the first runs the port; role and index choose another one", async () => {
  const members = [
    memberOf("a", { role: "head", index: "0" }),
    memberOf("b", { role: "worker", index: "0" }),
    memberOf("c", { role: "worker", index: "1" }),
  ];
  expect(await ask(await dial(await withMembers({}, members)), "x")).toBe("a: x");
  expect(await ask(await dial(await withMembers({ role: "worker" }, members)), "x")).toBe("b: x");
  expect(events).toContainEqual(expect.objectContaining({ type: "target", candidates: 2 }));
  expect(await ask(await dial(await withMembers({ role: "worker", index: "1" }, members)), "x")).toBe("c: x");
});

async function withMembers(rule: Partial<ForwardRule>, members: readonly Member[]): Promise<number> {
  await forwards?.[Symbol.asyncDispose]();
  events = [];
  const port = await open(rule);
  update(...members);
  return port;
}

test("a kept member is used only where no current one runs", async () => {
  const port = await open();
  const stopped = memberOf("current", { terminated: true });
  update(memberOf("kept", { state: "kept" }), memberOf("current"));
  expect(await ask(await dial(port), "x")).toBe("current: x");
  update(memberOf("kept", { state: "kept" }), stopped);
  expect(await ask(await dial(port), "x")).toBe("kept: x");
});

test("a connection waits for a member, and fails if none comes", async () => {
  const port = await open({}, 2_000);
  update();
  const socket = await dial(port);
  setTimeout(() => update(memberOf("late")), 100);
  expect(await ask(socket, "x")).toBe("late: x");
  update();
  await forwards?.[Symbol.asyncDispose]();
  const other = await open({ role: "head" }, 100);
  update();
  await text(await dial(other)).catch(() => "");
  await vi.waitFor(() =>
    expect(failures()).toEqual([
      ["KINSYNC_FORWARD_REFUSED", "Port 8265 cannot be forwarded: no current member of role head runs"],
    ]),
  );
});

test("a pod that was deleted a moment ago is replaced by the next one", async () => {
  const port = await open({}, 3_000);
  pods.gone.add("old");
  update(memberOf("old"));
  const socket = await dial(port);
  setTimeout(() => update(memberOf("new")), 150);
  expect(await ask(socket, "x")).toBe("new: x");
});

test("a port on which nothing listens is named in plain words", async () => {
  const port = await open();
  pods.refusal =
    'error forwarding port 8265 to pod 4f, uid : failed to execute portforward in network namespace "/n": dial tcp4 127.0.0.1:8265: connect: connection refused';
  update(memberOf("web-0"));
  expect(await text(await dial(port)).catch(() => "")).toBe("");
  await vi.waitFor(() =>
    expect(failures()).toEqual([
      [
        "KINSYNC_FORWARD_REFUSED",
        "Port 8265 of pod ml/web-0 cannot be reached: nothing listens on it (connection refused)",
      ],
    ]),
  );
});

test("a cluster that forwards nothing over WebSockets is named, with what helps", async () => {
  const port = await open();
  pods.failure = new KinsyncError("KINSYNC_CLUSTER_ANSWER", "Cannot forward a port to pod ml/a: unable to upgrade");
  update(memberOf("a"));
  await text(await dial(port)).catch(() => "");
  await vi.waitFor(() => expect(failures()).toHaveLength(1));
  const [event] = events.filter(({ type }) => type === "failed");
  expect(event).toMatchObject({ error: { hint: expect.stringMatching(/`kubectl port-forward` uses SPDY/) as string } });
});

test("the end of either side ends the other one", async () => {
  const port = await open();
  update(memberOf("a"));
  const first = await dial(port);
  expect(await ask(first, "x")).toBe("a: x");
  pods.sockets[0]?.write("bye");
  pods.sockets[0]?.end();
  expect(await text(first)).toBe("bye");
  const second = await dial(port);
  expect(await ask(second, "y")).toBe("a: y");
  second.resetAndDestroy();
  await vi.waitFor(() => expect(pods.sockets[1]?.isClosed).toBe(true));
  expect(failures()).toEqual([]);
});

test("an answer that comes after the local side has written its last byte still arrives", async () => {
  const port = await open();
  update(memberOf("a"));
  const socket = await dial(port);
  socket.end("last");
  const answer = text(socket);
  await vi.waitFor(() => expect(pods.sockets[0]?.received).toBe("last"));
  pods.sockets[0]?.write(" and more");
  pods.sockets[0]?.end();
  expect(await answer).toBe("a: last and more");
});

test("a local reader that is slow stops the pod, and gets every byte", async () => {
  const port = await open();
  update(memberOf("a"));
  const socket = await dial(port);
  expect(await ask(socket, "x")).toBe("a: x");
  socket.pause();
  const piece = "0123456789".repeat(10_000);
  const [pod] = pods.sockets;
  let sent = 0;
  for (; sent < 1_000; sent += 1) {
    if (pod?.isPaused !== false) break;
    pod.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(pod?.isPaused).toBe(true);
  const reading = text(socket);
  await vi.waitFor(() => expect(pod?.isPaused).toBe(false));
  pod?.end();
  expect((await reading).length).toBe(sent * piece.length);
});

test("a local port that is in use is refused with what to write instead, and none stays open", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const rules = [
    { port: 1, localPort: 0 },
    { port, localPort: port },
  ];
  const onEvent = (event: ForwardEvent): void => void events.push(event);
  const opening = openForwards({ cluster: pods.cluster, rules, signal: stop.signal, onEvent });
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_FORWARD_LOCAL",
    message: `Port ${port} of 127.0.0.1 cannot be opened on this machine: another program uses it`,
    hint: expect.stringContaining(`${port + 1}:${port}`) as string,
  });
  const [first] = events;
  const socket = connect(first?.type === "opened" ? first.localPort : 0, "127.0.0.1");
  await expect(once(socket, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  server.close();
});

test("the end of the run closes port and connections", async () => {
  const port = await open();
  update(memberOf("a"));
  const socket = await dial(port);
  expect(await ask(socket, "x")).toBe("a: x");
  await forwards?.[Symbol.asyncDispose]();
  await vi.waitFor(() => expect(socket.closed || socket.readableEnded || socket.destroyed).toBe(true));
  await vi.waitFor(() => expect(pods.sockets[0]?.isClosed).toBe(true));
  await expect(dial(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
