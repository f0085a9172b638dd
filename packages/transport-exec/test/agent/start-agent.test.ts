import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isKinsyncError, type Session } from "@kinsync/core/contract";
import { exec, type ExecOptions } from "../../src/index.ts";
import { FakeCluster } from "../support/fake-cluster.ts";

const SYSTEM = "/usr/local/bin:/usr/bin:/bin";
const SH = "/bin/sh";
let base: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-exec-")));
  mkdirSync(join(base, "bin"));
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

function program(name: string, text: string): void {
  writeFileSync(join(base, "bin", name), text);
  chmodSync(join(base, "bin", name), 0o755);
}

function open(
  cluster: FakeCluster,
  options: ExecOptions = {},
  signal = AbortSignal.timeout(20_000),
): Promise<Required<Omit<Session, "seen">>> {
  const since = "2026-01-01T00:00:00Z";
  return exec(options).open(cluster.target, { cluster, runId: "s", owner: "ada@laptop", since, signal });
}

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string; retry: string }> {
  try {
    await promise;
  } catch (error) {
    if (isKinsyncError(error)) return { code: error.code, message: error.message, retry: error.retry };
    throw error;
  }
  throw new Error("it did not fail");
}

test("a WebSocket that is opened and brings nothing is an error of the way, and no silent container", async () => {
  await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
  cluster.mute = true;
  const failure = await failureOf(open(cluster, { openTimeout: 300 }));
  expect([failure.code, failure.retry]).toEqual(["KINSYNC_CLUSTER_WEBSOCKET", "retry"]);
  expect(failure.message).toMatch(/the WebSocket was opened, and nothing came through it for 0\.3 s; a proxy/);
});

test("a container that answers nothing after the greeting of the API server is no error of the way", async () => {
  await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
  cluster.mute = true;
  cluster.greets = true;
  expect((await failureOf(open(cluster, { openTimeout: 300 }))).code).toBe("KINSYNC_TARGET_TIMEOUT");
});

describe("the runtime of the agent", () => {
  test("an interpreter that does not start is skipped", async () => {
    program("python3", "#!/bin/sh\necho broken >&2\nexit 1\n");
    await using cluster = new FakeCluster({ cwd: base, path: `${join(base, "bin")}:${SYSTEM}`, shell: [SH] });
    await using session = await open(cluster, { agents: ["python3", "sh"] });
    expect(session.facts.agent).toBe("sh");
  });

  test("a container with a shell, without tar, but with node uses node", async () => {
    symlinkSync(process.execPath, join(base, "bin/node"));
    symlinkSync("/bin/dd", join(base, "bin/dd"));
    await using cluster = new FakeCluster({ cwd: base, path: join(base, "bin"), shell: [SH] });
    await using session = await open(cluster);
    expect(session.facts.agent).toBe("node");
  });

  test("a container without a shell uses node from its PATH", async () => {
    symlinkSync(process.execPath, join(base, "bin/node"));
    await using cluster = new FakeCluster({ cwd: base, path: join(base, "bin"), shell: [] });
    await using session = await open(cluster);
    expect(session.facts.agent).toBe("node");
  });

  test("output of an image's shell at its start is not taken for the hello", async () => {
    const shell = join(base, "bin/noisy");
    program("noisy", `#!/bin/sh\necho "Welcome!"; echo "kinsync is great"\nexec ${SH} "$@"\n`);
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [shell] });
    await using session = await open(cluster, { agents: ["sh"] });
    expect(await session.ping({ signal: AbortSignal.timeout(5_000) })).toBeGreaterThan(0);
  });

  test("the hello reports the working directory, with its blanks, and the incarnation", async () => {
    const cwd = join(base, "a b");
    mkdirSync(cwd);
    symlinkSync(process.execPath, join(base, "bin/node"));
    await using cluster = new FakeCluster({ cwd, path: join(base, "bin"), shell: [] });
    await using session = await open(cluster);
    expect(session.facts.workingDirectory).toBe(cwd);
    expect(session.facts.incarnation).not.toBe("");
  });

  test("a container without any program fails with its name and what is missing", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: join(base, "bin"), shell: [] });
    const failure = await failureOf(open(cluster));
    expect(failure).toMatchObject({ code: "KINSYNC_TARGET_NO_AGENT", retry: "terminal" });
    expect(failure.message).toContain("pod/web-0, container main");
    expect(failure.message).toContain("no sh");
  });

  test("a shell without tools fails with the missing tools", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: join(base, "bin"), shell: [SH] });
    const failure = await failureOf(open(cluster));
    expect(failure.code).toBe("KINSYNC_TARGET_NO_AGENT");
    expect(failure.message).toMatch(/tools are missing: tar, dd/);
  });
});

describe("opening a session", () => {
  test("times out if the container sends nothing", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    cluster.mute = true;
    cluster.greets = true;
    const failure = await failureOf(open(cluster, { openTimeout: 100 }));
    expect(failure).toMatchObject({ code: "KINSYNC_TARGET_TIMEOUT", retry: "retry" });
  });

  test("times out with a retry if the API server does not return the pod", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    cluster.unanswered = true;
    const failure = await failureOf(open(cluster, { openTimeout: 2_000 }));
    expect(failure).toMatchObject({ code: "KINSYNC_TARGET_TIMEOUT", retry: "retry" });
    expect(failure.message).toContain("the API server did not report");
  });

  test("fails if the program floods its output", async () => {
    program("flood", "#!/bin/sh\nwhile :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done\n");
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [join(base, "bin/flood")] });
    await expect(open(cluster, { openTimeout: 5_000 })).rejects.toThrow(/before its hello/);
  });

  test("rejects with the reason of an abort", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    cluster.mute = true;
    const abort = new AbortController();
    const opening = open(cluster, {}, abort.signal);
    setImmediate(() => abort.abort(new Error("enough")));
    await expect(opening).rejects.toThrow("enough");
  });

  test("reports a deleted pod as gone, whatever the exec reported", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: join(base, "bin"), shell: [] });
    cluster.podUid = undefined;
    expect(await failureOf(open(cluster))).toMatchObject({ code: "KINSYNC_TARGET_GONE", retry: "gone" });
  });
});

describe("an open session", () => {
  test("is lost without an answer in time", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    await using session = await open(cluster, { agents: ["sh"], silence: 200 });
    cluster.mute = true;
    const failure = await failureOf(session.ping({ signal: AbortSignal.timeout(10_000) }));
    expect(failure).toMatchObject({ code: "KINSYNC_TARGET_TIMEOUT", retry: "retry" });
    expect((await session.ended).why).toBe("lost");
  });

  test("is lost when the agent answers no ping while idle", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    await using session = await open(cluster, { agents: ["sh"], pingInterval: 50, pingTimeout: 100 });
    cluster.mute = true;
    expect(await session.ended).toMatchObject({ why: "lost" });
  });

  test("works over v4, which cannot end the input alone", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] }, "v4.channel.k8s.io");
    const session = await open(cluster, { agents: ["sh"] });
    const signal = AbortSignal.timeout(10_000);
    await session.claim({ path: "root", shape: "directory", key: "k" }, { snapshot: 0, tree: "", signal });
    const result = await session.run("echo hello", { timeout: 5_000, signal });
    expect(result).toMatchObject({ exitCode: 0, output: "hello\n" });
    await session[Symbol.asyncDispose]();
    expect((await session.ended).why).toBe("closed");
  });

  test("leaves no process behind when the connection is cut", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    const session = await open(cluster, { agents: ["sh"] });
    const signal = AbortSignal.timeout(10_000);
    const running = session.run("echo begun; sleep 60", { timeout: 30_000, signal, onOutput: () => cluster.dropAll() });
    expect(await running).toMatchObject({ exitCode: undefined });
    // Each process of the container ends on the end of its input.
    await Promise.all([...cluster.sockets].map((socket) => socket.gone));
    await session[Symbol.asyncDispose]();
  });

  test("keeps the last 64 KiB of a command's output", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    await using session = await open(cluster, { agents: ["sh"] });
    const command = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done; exit 7";
    let seen = 0;
    const signal = AbortSignal.timeout(20_000);
    const result = await session.run(command, { timeout: 20_000, signal, onOutput: (text) => (seen += text.length) });
    expect(result).toMatchObject({ exitCode: 7, truncated: true });
    expect(result.output.length).toBe(64 * 1024);
    expect(result.output.endsWith("line 19999\n")).toBe(true);
    expect(seen).toBeGreaterThan(64 * 1024);
  });

  test("serves claims while a command runs", async () => {
    await using cluster = new FakeCluster({ cwd: base, path: SYSTEM, shell: [SH] });
    await using session = await open(cluster, { agents: ["sh"] });
    const signal = AbortSignal.timeout(20_000);
    const begun = Promise.withResolvers<void>();
    const stop = new AbortController();
    const running = session.run("echo begun; sleep 60", {
      timeout: 30_000,
      signal: stop.signal,
      onOutput: () => begun.resolve(),
    });
    await begun.promise;
    await session.claim({ path: "root", shape: "directory", key: "k" }, { snapshot: 0, tree: "", signal });
    stop.abort();
    expect((await running).why).toBe("aborted");
  });
});
