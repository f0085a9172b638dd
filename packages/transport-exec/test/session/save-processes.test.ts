import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { AGENTS } from "../../src/agent/runtimes.ts";
import { exec } from "../../src/index.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { ToolFolder } from "../support/tool-folder.ts";

const ROOT: RootSpec = { path: "src", shape: "directory", key: "k" };

/** The tools of a container, each of which writes its name to a log before it begins. */
function loggedTools(base: string): { readonly path: string; readonly taken: () => readonly string[] } {
  const log = join(base, "log");
  mkdirSync(join(base, "real"));
  const real = new ToolFolder(join(base, "real")).addSystemTools();
  // A pull needs `head` besides.
  const head = execFileSync("sh", ["-c", "command -v head"], { encoding: "utf8" }).trim();
  const tools = new ToolFolder(base).addSystemTools().link("head", head);
  for (const name of AGENTS.sh.needs) {
    if (name !== "sh") tools.write(name, `echo ${name} >>'${log}'\nexec '${real.path}/${name}' "$@"`);
  }
  writeFileSync(log, "");
  return {
    path: tools.path,
    taken: () => {
      const lines = readFileSync(log, "utf8").split("\n").filter(Boolean);
      writeFileSync(log, "");
      return lines;
    },
  };
}

/** A session to a folder in which the tools of a container log that they begin. */
async function openLogged() {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-exec-")));
  // A process of the agent may still remove files when the agent itself has ended.
  onTestFinished(() => rmSync(base, { recursive: true, force: true, maxRetries: 10 }));
  const tools = loggedTools(base);
  const signal = AbortSignal.timeout(20_000);
  const cluster = new FakeCluster({ cwd: base, path: tools.path, shell: ["/bin/sh"] });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const context = { cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await exec({ agents: ["sh"] }).open(cluster.target, context);
  onTestFinished(() => session[Symbol.asyncDispose]());
  await session.claim(ROOT, { snapshot: 0, tree: "", signal });
  const taken = (): readonly string[] => tools.taken().filter((name) => name !== "sleep");
  const batchOf = (text: string, replaces: boolean) =>
    createBatch(ROOT, [{ file: "a.py", bytes: text, ...(replaces ? { replaces: "file" } : {}) }]);
  return { base, session, signal, taken, batchOf };
}

test("a save of one file starts no process but for its bytes, its digest, its time and its place", async () => {
  const { base, session, signal, taken, batchOf } = await openLogged();
  const save = async (text: string, replaces: boolean): Promise<void> => {
    const stage = session.stage(await batchOf(text, replaces), { signal });
    // As a worker, which commits what it has prepared, within one turn of the event loop.
    for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
    await session.commit(stage, { signal });
  };
  await save("1", false);
  taken();
  await save("2", true);
  expect(readFileSync(join(base, "src/a.py"), "utf8")).toBe("2");
  expect(taken()).toEqual(["dd", "sha256sum", "stat", "touch", "mv"]);
});

test("the commit of a file that was staged ahead starts one process, and its stage is removed afterwards", async () => {
  const { base, session, signal, taken, batchOf } = await openLogged();
  const state = join(base, ".kinsync/k");
  const staged = (): readonly string[] => readdirSync(state).filter((name) => name.startsWith("stage-"));
  const saveAhead = async (text: string, replaces: boolean): Promise<void> => {
    const stage = session.stage(await batchOf(text, replaces), { signal });
    await stage.ready;
    taken();
    await session.commit(stage, { signal });
  };
  await saveAhead("1", false);
  expect(taken()).toEqual(["mv"]);
  expect(staged()).toHaveLength(1);
  await expect.poll(staged).toEqual([]);
  expect(taken()).toEqual(["rm"]);
  // Each save removes what the one before left.
  await saveAhead("2", true);
  await saveAhead("3", true);
  expect(staged()).toHaveLength(1);
  await session[Symbol.asyncDispose]();
  await expect.poll(staged).toEqual([]);
  expect(readFileSync(join(base, "src/a.py"), "utf8")).toBe("3");
});

test("the marker of a file that was staged ahead has the time of the commit, as the file has where it waited long", async () => {
  const { base, session, signal, taken, batchOf } = await openLogged();
  const stage = session.stage(await batchOf("1", false), { signal });
  await stage.ready;
  taken();
  await delay(1_100);
  const begin = Date.now();
  await session.commit(stage, { signal });
  expect(taken()).toEqual(["find", "touch", "mv"]);
  const marker = JSON.parse(readFileSync(join(base, ".kinsync/k/marker"), "utf8")) as { readonly at: string };
  expect(Date.parse(marker.at)).toBeGreaterThanOrEqual(begin);
  // The clock of a file system may be some milliseconds behind.
  expect(statSync(join(base, "src/a.py")).mtimeMs).toBeGreaterThan(begin - 100);
});

test("a file that was staged ahead and is discarded leaves nothing, and the next one is committed", async () => {
  const { base, session, signal, batchOf } = await openLogged();
  const stage = session.stage(await batchOf("1", false), { signal });
  await stage.ready;
  await session.discard(stage);
  expect(readdirSync(join(base, ".kinsync/k")).filter((name) => name.startsWith("stage-"))).toEqual([]);
  const next = session.stage(await batchOf("2", false), { signal });
  await next.ready;
  await session.commit(next, { signal });
  expect(readFileSync(join(base, "src/a.py"), "utf8")).toBe("2");
});

test("the list of a pull of 300 files with their sizes starts one `stat` for many files", async () => {
  const { base, session, signal, taken } = await openLogged();
  mkdirSync(join(base, "out"));
  for (let at = 0; at < 300; at += 1) writeFileSync(join(base, `out/${at}`), "x".repeat(at));
  taken();
  let sizes: readonly (number | undefined)[] = [];
  await session.pull?.("out", {
    signal,
    choose: async function* (entries) {
      sizes = entries.flatMap(({ type, size }) => (type === "file" ? [size] : []));
      yield* [];
    },
    take: async () => {},
  });
  expect(sizes.toSorted((a = -1, b = -1) => a - b)).toEqual(Array.from({ length: 300 }, (_, at) => at));
  expect(taken().filter((name) => name === "stat").length).toBeLessThanOrEqual(2);
});
