import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Runtime } from "../../src/agent/runtimes.ts";
import { exec } from "../../src/index.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { ToolFolder } from "../support/tool-folder.ts";

const FAR_MS = 40;
const ROOT = { path: "root", shape: "directory", key: "k" } as const;
/** The program of the sh agent is longer than this, and shorter where gzip made it smaller. */
const PROGRAM_BYTES = 20_000;
/** Loses what follows a newline, as uutils dd does up to 0.2.2. */
const BROKEN_DD = "exec /usr/bin/head -c 1026";

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-exec-")));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A container whose API server is so far away, and a function that opens a session with it. */
function far(
  fill: (tools: ToolFolder) => void,
  { roundTripMs = FAR_MS, agents = ["python3", "node", "sh"] as Runtime[] } = {},
) {
  const tools = new ToolFolder(base).addSystemTools();
  fill(tools);
  const cluster = new FakeCluster({ cwd: base, path: tools.path, shell: ["/bin/sh"] });
  cluster.roundTripMs = roundTripMs;
  const transport = exec({ agents });
  const open = async () => {
    const signal = AbortSignal.timeout(30_000);
    const who = { runId: "s", owner: "ada@laptop", since: "2026-01-01T00:00:00Z" };
    cluster.sentBytes = 0;
    await using session = await transport.open(cluster.target, { cluster, ...who, roots: [ROOT], signal });
    expect(await session.inventory(ROOT, { paths: [], signal })).toMatchObject({ root: "missing" });
    return { agent: session.facts.agent, sentBytes: cluster.sentBytes };
  };
  return { cluster, open };
}

/** Each container takes one message from kinsync. */
function stallAfterFirstMessage(cluster: FakeCluster): void {
  const open = cluster.webSocket.bind(cluster);
  cluster.webSocket = async (...parameters) => {
    const socket = await open(...parameters);
    const send = socket.send.bind(socket);
    socket.send = (...message) => {
      send(...message);
      cluster.stall();
    };
    return socket;
  };
}

describe("where the API server is far away", () => {
  test("a container with tools alone gets the sh agent with the probe, made smaller", async () => {
    const { cluster, open } = far(() => {});
    await using _ = cluster;
    // kinsync could not answer the probe.
    stallAfterFirstMessage(cluster);
    const { agent, sentBytes } = await open();
    expect(agent).toBe("sh");
    expect(sentBytes).toBeLessThan(PROGRAM_BYTES);
  });

  test("a container with another agent skips it, and gets none the next time", async () => {
    const { cluster, open } = far((tools) => tools.link("node", process.execPath));
    await using _ = cluster;
    const first = await open();
    const second = await open();
    expect([first.agent, second.agent]).toEqual(["node", "node"]);
    expect(first.sentBytes - second.sentBytes).toBeGreaterThan(5_000);
    expect(cluster.execs).toBe(2);
  });

  test("a container that cannot skip it is tried again without", async () => {
    const { cluster, open } = far((tools) => tools.write("dd", BROKEN_DD).link("node", process.execPath));
    await using _ = cluster;
    expect((await open()).agent).toBe("node");
    expect(cluster.execs).toBe(2);
    expect((await open()).agent).toBe("node");
    expect(cluster.execs).toBe(3);
  });

  test("a container without a gzip that works gets the program as it is", async () => {
    const { cluster, open } = far((tools) => tools.write("gzip", "exit 0"));
    await using _ = cluster;
    const first = await open();
    expect(first.agent).toBe("sh");
    expect(first.sentBytes).toBeGreaterThan(PROGRAM_BYTES);
  });

  test("a config that leaves sh out sends no sh agent", async () => {
    const { cluster, open } = far((tools) => tools.link("node", process.execPath), { agents: ["node"] });
    await using _ = cluster;
    const first = await open();
    const second = await open();
    expect(first.agent).toBe("node");
    // The second one also names the agent that the first one left.
    expect(second.sentBytes - first.sentBytes).toBeGreaterThanOrEqual(0);
  });
});

test("where the API server is near, the program is sent as it is, after the probe", async () => {
  const { cluster, open } = far(() => {}, { roundTripMs: 0 });
  await using _ = cluster;
  const { agent, sentBytes } = await open();
  expect(agent).toBe("sh");
  expect(sentBytes).toBeGreaterThan(PROGRAM_BYTES);
});
