import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { parseRequest } from "../../src/control/protocol.ts";
import { statusOf } from "../../src/control/status.ts";

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A run that greets, and answers every request with these lines. @returns its address */
async function fakeRun(answer: string, greeting: object = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-control-"));
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(`${JSON.stringify({ kinsync: "control", version: 1, ...greeting })}\n`);
    socket.on("data", () => socket.write(answer));
  });
  server.listen(join(folder, "s"));
  await once(server, "listening");
  ends.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => rm(folder, { recursive: true }),
  );
  return join(folder, "s");
}

test("an answer of several megabytes is read", async () => {
  const targets = Array.from({ length: 20_000 }, (_, at) => ({ pod: `pod-${at}`, reason: "x".repeat(200) }));
  const result = { workloads: [{ workload: "deploy/web", targets }] };
  using client = await ControlClient.connect(await fakeRun(`${JSON.stringify({ id: "1", result })}\n`));
  expect(await client.ask<"status">({ command: "status" }, AbortSignal.timeout(10_000))).toEqual(result);
});

test("an answer that is not JSON ends the connection, and the command with an error", async () => {
  using client = await ControlClient.connect(await fakeRun("not JSON\n"));
  await expect(client.ask<"status">({ command: "status" }, AbortSignal.timeout(10_000))).rejects.toMatchObject({
    code: "KINSYNC_CONTROL_NO_RUN",
  });
});

test("a run with another version of the protocol is none that can be asked", async () => {
  await expect(ControlClient.connect(await fakeRun("", { version: 2 }))).rejects.toMatchObject({
    code: "KINSYNC_CONTROL_NO_RUN",
  });
});

test.each([
  ['{"id":1,"command":"trigger","files":["src/a.py"]}', { id: 1, wrong: "`files` must be a list of absolute paths" }],
  ['{"id":1e999,"command":"status"}', { id: null, wrong: "`id` must be a number or a string" }],
])("the request %s is refused", (line, refusal) => {
  expect(parseRequest(line)).toEqual(refusal);
});

test("the status of a workload that the run does not have is an error", () => {
  const workload = {
    name: "deploy/web",
    namespace: "ml",
    resolution: undefined,
    mappings: [],
    snapshot: 1,
    targets: [],
  };
  const view = { workloads: [workload] };
  expect(statusOf(view, { workload: "deploy/web" })).toHaveLength(1);
  expect(() => statusOf(view, { workload: "deploy/wbe" })).toThrow(
    "this run has no deploy/wbe; it has deploy/web in namespace ml",
  );
});
