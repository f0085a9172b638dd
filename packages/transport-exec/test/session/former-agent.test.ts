import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Session } from "@kinsync/core/contract";
import { exec, type ExecOptions } from "../../src/index.ts";
import { MAKES, type Make } from "../support/containers.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { ToolFolder } from "../support/tool-folder.ts";

const SILENCE_MS = 20_000;
let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-exec-")));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !status.slice(status.lastIndexOf(") ") + 2).startsWith("Z");
  } catch {
    return false;
  }
}

/** The processes of agents, without attempts at a shell that the container lacks. */
function pidsOf(cluster: FakeCluster): number[] {
  return [...cluster.sockets].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
}

interface Run {
  open(): Promise<Required<Omit<Session, "seen">>>;
}

/** A run of kinsync: its transport remembers what its sessions left behind. */
function startRun(cluster: FakeCluster, runId: string, options: ExecOptions): Run {
  const transport = exec(options);
  const signal = AbortSignal.timeout(50_000);
  const context = { cluster, runId, owner: "ada@laptop", since: "2026-01-01T00:00:00Z", signal };
  return { open: () => transport.open(cluster.target, context) };
}

async function clusterOf(make: Make, wrap: (argv: readonly string[]) => readonly string[] = (argv) => argv) {
  return new FakeCluster({ cwd: base, path: make.path(base), shell: make.shell.length === 0 ? [] : wrap(make.shell) });
}

describe.each(MAKES)("a new session with a container with $name", (make) => {
  test("ends the agent that a silent loss left behind, and no other", { timeout: 60_000 }, async () => {
    await using cluster = await clusterOf(make);
    const options = { agents: [make.runtime], silence: SILENCE_MS };
    const [ours, theirs] = [startRun(cluster, "ours", options), startRun(cluster, "theirs", options)];
    const [former, beside, foreign] = [await ours.open(), await ours.open(), await theirs.open()];
    const [formerPid = 0, besidePid = 0, foreignPid = 0] = pidsOf(cluster);
    cluster.losesSilently = true;
    [...cluster.sockets].find(({ pid }) => pid === formerPid)?.terminate();
    expect((await former.ended).why).toBe("lost");
    expect(isAlive(formerPid)).toBe(true);
    await using next = await ours.open();
    await next.ping({ signal: AbortSignal.timeout(20_000) });
    await expect.poll(() => isAlive(formerPid), { timeout: 10_000 }).toBe(false);
    expect([besidePid, foreignPid].map(isAlive)).toEqual([true, true]);
    await beside.ping({ signal: AbortSignal.timeout(20_000) });
    await foreign.ping({ signal: AbortSignal.timeout(20_000) });
    cluster.losesSilently = false;
    await beside[Symbol.asyncDispose]();
    await foreign[Symbol.asyncDispose]();
  });
});

test("a shim that hangs is ended with what it started", { timeout: 60_000 }, async () => {
  const tools = new ToolFolder(base).addSystemTools().write("python3", "sleep 1000");
  await using cluster = new FakeCluster({ cwd: base, path: tools.path, shell: ["/bin/sh"] });
  await using session = await startRun(cluster, "ours", {}).open();
  expect(session.facts.agent).toBe("sh");
  const [shim = 0] = pidsOf(cluster);
  await expect.poll(() => isAlive(shim), { timeout: 10_000 }).toBe(false);
});

/** The first process of a container, which waits for no process. */
interface Namespace extends Disposable {
  readonly enter: readonly string[];
  /** Its processes but the first, as `NAME STATE`. */
  processes(): string[];
}

function openNamespace(): Namespace {
  const child: ChildProcess = spawn("unshare", ["--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "1000"]);
  const deadline = Date.now() + 10_000;
  let first: number | undefined;
  while (first === undefined && Date.now() < deadline) {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "latin1").trim();
    if (children !== "" && readFileSync(`/proc/${children}/comm`, "latin1") === "sleep\n") first = Number(children);
  }
  if (first === undefined) throw new Error("the namespace did not start");
  const id = readlinkSync(`/proc/${first}/ns/pid`);
  return {
    enter: ["nsenter", "--target", `${first}`, "--pid", "--mount"],
    processes: () =>
      readdirSync("/proc").flatMap((name) => {
        try {
          if (Number(name) === first || readlinkSync(`/proc/${name}/ns/pid`) !== id) return [];
          const status = readFileSync(`/proc/${name}/stat`, "latin1");
          return [
            `${status.slice(status.indexOf("(") + 1, status.lastIndexOf(")"))} ${status.slice(status.lastIndexOf(")") + 2, status.lastIndexOf(")") + 3)}`,
          ];
        } catch {
          return [];
        }
      }),
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

function canOpenNamespaces(): boolean {
  try {
    execFileSync("unshare", ["--pid", "--fork", "--mount-proc", "true"], { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!canOpenNamespaces())("where the first process waits for none", () => {
  test.each(MAKES.filter(({ shell }) => shell.length > 0))(
    "neither a lost session nor the next one leaves a zombie or an orphan: $name",
    { timeout: 60_000 },
    async (make) => {
      using namespace = openNamespace();
      await using cluster = await clusterOf(make, (argv) => [...namespace.enter, ...argv]);
      const run = startRun(cluster, "ours", { agents: [make.runtime] });
      const former = await run.open();
      cluster.losesSilently = true;
      cluster.dropAll();
      await former.ended;
      expect(namespace.processes().length).toBeGreaterThan(0);
      await using next = await run.open();
      const signal = AbortSignal.timeout(20_000);
      await next.claim({ path: join(base, "root"), shape: "directory", key: "k" }, { snapshot: 0, tree: "", signal });
      const ofOne = make.runtime === "sh" ? 3 : 1;
      await expect.poll(() => namespace.processes().length, { timeout: 10_000 }).toBeLessThanOrEqual(ofOne);
      cluster.losesSilently = false;
      await next[Symbol.asyncDispose]();
      await expect.poll(() => namespace.processes(), { timeout: 10_000 }).toEqual([]);
    },
  );
});
