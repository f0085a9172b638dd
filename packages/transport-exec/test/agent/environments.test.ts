// Environments of containers, and the agent that each one gets. A program that is missing on this machine skips its rows.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBatch } from "@kinsync/core/testing";
import { startAgent } from "../../src/agent/start-agent.ts";
import { KnownContainers } from "../../src/agent/known-containers.ts";
import { RUNTIMES, type Runtime } from "../../src/agent/runtimes.ts";
import { exec } from "../../src/index.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { ToolFolder } from "../support/tool-folder.ts";

const MB = 1_000_000;
const has = (path: string): boolean => existsSync(path);
const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find(has) ?? "";
const MKSH = ["/bin/mksh", "/usr/bin/mksh"].find(has) ?? "";
const PYTHON3 = ["/usr/bin/python3", "/usr/local/bin/python3"].find(has) ?? "";

/** Loses what follows a newline and does not fit into a buffer of 1,024 bytes, as uutils dd does up to 0.2.2. */
const UUTILS_DD = `for word do case $word in bs=*) size=\${word#bs=} ;; esac; done
[ "\${size:-0}" -gt 1026 ] && size=1026
exec /usr/bin/head -c "\${size:-512}"`;

interface Row {
  readonly name: string;
  /** Programs without which the row is skipped. */
  readonly uses?: readonly string[];
  readonly fill: (tools: ToolFolder) => void;
  readonly shell?: (tools: ToolFolder) => readonly string[];
  readonly memory?: (folder: string) => void;
  readonly agent: Runtime;
  readonly reason: RegExp;
}

function version2(limit: string, current: number, inactive = 0): (folder: string) => void {
  return (folder) => {
    writeFileSync(join(folder, "memory.max"), `${limit}\n`);
    writeFileSync(join(folder, "memory.current"), `${current}\n`);
    writeFileSync(join(folder, "memory.stat"), `anon 1\nfile 2\ninactive_file ${inactive}\nactive_file 3\n`);
  };
}

function version1(limit: number, usage: number): (folder: string) => void {
  return (folder) => {
    mkdirSync(join(folder, "memory"));
    writeFileSync(join(folder, "memory/memory.limit_in_bytes"), `${limit}\n`);
    writeFileSync(join(folder, "memory/memory.usage_in_bytes"), `${usage}\n`);
    writeFileSync(join(folder, "memory/memory.stat"), `inactive_file 9\ntotal_inactive_file 0\n`);
  };
}

const node = (tools: ToolFolder): ToolFolder => tools.addSystemTools().link("node", process.execPath);

const ROWS: readonly Row[] = [
  {
    name: "tools alone",
    fill: (tools) => tools.addSystemTools(),
    agent: "sh",
    reason: /^python3: not in the PATH; node: not in the PATH; took sh$/,
  },
  { name: "node without a limit", fill: node, memory: version2("max", 9), agent: "node", reason: /took node$/ },
  {
    name: "node, cgroup v2, nearly full",
    fill: node,
    memory: version2(`${64 * MB}`, 52 * MB),
    agent: "sh",
    reason: /node: 45 MB do not fit into the 12 MB left of the memory limit; took sh$/,
  },
  {
    name: "node, cgroup v2, full of file content that the kernel can drop",
    fill: node,
    memory: version2(`${256 * MB}`, 250 * MB, 220 * MB),
    agent: "node",
    reason: /took node$/,
  },
  {
    name: "node, cgroup v1, nearly full",
    fill: node,
    memory: version1(64 * MB, 52 * MB),
    agent: "sh",
    reason: /node: 45 MB do not fit into the 12 MB left of the memory limit; took sh$/,
  },
  {
    name: "python3, cgroup v2, nearly full",
    uses: [PYTHON3],
    fill: (tools) => tools.addSystemTools().link("python3", PYTHON3),
    memory: version2(`${64 * MB}`, 60 * MB),
    agent: "sh",
    reason: /^python3: 12 MB do not fit into the 4 MB left/,
  },
  {
    name: "a shim of a version manager without a version",
    fill: (tools) => tools.addSystemTools().write("python3", "echo 'pyenv: python3: command not found' >&2; exit 127"),
    agent: "sh",
    reason: /^python3: .*; took sh$/,
  },
  {
    name: "a shim that fails",
    fill: (tools) => tools.addSystemTools().write("python3", "echo 'pyenv: version is not installed' >&2; exit 1"),
    agent: "sh",
    reason: /^python3: it ended with exit code 1 \(pyenv: version is not installed\); .*took sh$/,
  },
  {
    name: "a shim that hangs",
    fill: (tools) => tools.addSystemTools().write("python3", "sleep 1000"),
    agent: "sh",
    reason: /^python3: no answer within \d+ ms, in which sh does 100 saves/,
  },
  {
    name: "a shim that hangs, beside node",
    fill: (tools) => node(tools).write("python3", "sleep 1000"),
    agent: "node",
    reason: /^python3: no answer within .*; took node$/,
  },
  {
    name: "node of another machine",
    fill: (tools) => {
      tools.addSystemTools().write("node", "exit 1");
      writeFileSync(join(tools.path, "node"), Buffer.from("\u007FELFnothing"));
    },
    agent: "sh",
    reason: /node: .*; took sh$/,
  },
  {
    name: "uutils dd that loses bytes, beside node",
    fill: (tools) => node(tools).write("dd", UUTILS_DD),
    agent: "node",
    reason: /took node$/,
  },
  {
    name: "busybox",
    uses: [BUSYBOX],
    fill: (tools) => tools.addBusybox(BUSYBOX),
    shell: () => [BUSYBOX, "sh"],
    agent: "sh",
    reason: /took sh$/,
  },
  {
    name: "busybox without tar and xargs, beside node",
    uses: [BUSYBOX],
    fill: (tools) => tools.addBusybox(BUSYBOX, ["tar", "xargs"]).link("node", process.execPath),
    shell: () => [BUSYBOX, "sh"],
    agent: "node",
    reason: /took node$/,
  },
  {
    name: "mksh",
    uses: [MKSH],
    fill: (tools) => tools.addSystemTools(),
    shell: () => [MKSH],
    agent: "sh",
    reason: /took sh$/,
  },
];

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-exec-")));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** From a cluster far away, the sh agent is sent with the probe. */
const DISTANCES = { near: 0, far: 30 };

for (const [{ name, uses = [], fill, shell, memory, agent, reason }, [distance, roundTripMs]] of ROWS.flatMap((row) =>
  Object.entries(DISTANCES).map((each) => [row, each] as const),
)) {
  test.skipIf(uses.includes(""))(`${name}, ${distance}: ${agent}`, { timeout: 60_000 }, async () => {
    const tools = new ToolFolder(base);
    fill(tools);
    const memoryFolder = join(base, "cgroup");
    mkdirSync(memoryFolder);
    memory?.(memoryFolder);
    await using cluster = new FakeCluster({ cwd: base, path: tools.path, shell: shell?.(tools) ?? ["/bin/sh"] });
    cluster.roundTripMs = roundTripMs;
    const root = { path: "root", shape: "directory", key: "k" } as const;
    const started = await startAgent(cluster, cluster.target, {
      runtimes: RUNTIMES,
      timeout: 30_000,
      pingInterval: 15_000,
      idleMs: 90_000,
      root,
      onAnswer: () => {},
      known: new KnownContainers(),
      memoryFolder,
      signal: AbortSignal.timeout(50_000),
    });
    expect(started.hello.runtime).toBe(agent);
    expect(started.choice.reason).toMatch(reason);
    // The answer to the request that was sent with the program.
    const answered = Promise.withResolvers<string>();
    started.receive((line) => {
      if (/^[.!] 1\b/.test(line)) answered.resolve(line);
    }, answered.reject);
    expect(await answered.promise).toMatch(/^\. 1/);
    await started.stream[Symbol.asyncDispose]();
  });
}

test("an agent that failed is not started again in the same container", async () => {
  const tools = new ToolFolder(base).addSystemTools().write("python3", "echo >>started; exit 1");
  await using cluster = new FakeCluster({ cwd: base, path: tools.path, shell: ["/bin/sh"] });
  const transport = exec({ agents: ["python3", "sh"] });
  const signal = AbortSignal.timeout(30_000);
  const context = { cluster, runId: "s", owner: "ada@laptop", since: "2026-01-01T00:00:00Z", signal };
  await (await transport.open(cluster.target, context))[Symbol.asyncDispose]();
  expect(cluster.execs).toBe(2);
  await using session = await transport.open(cluster.target, context);
  expect(cluster.execs).toBe(3);
  expect(session.facts.choice?.reason).toMatch(/^python3: it ended with exit code 1; took sh$/);
  const root = { path: join(base, "root"), shape: "directory", key: "k" } as const;
  await session.claim(root, { snapshot: 0, tree: "", signal });
  const batch = await createBatch(root, [{ file: "f", bytes: "f" }]);
  expect(await session.commit(session.stage(batch, { signal }), { signal })).toMatchObject({ count: 1 });
});
