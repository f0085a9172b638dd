import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "../../src/main.ts";

/** How a command line ended. */
export interface Ran {
  readonly code: number | null;
  /** Without the time in front of a line. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder to run command lines in, which is also the home of whoever runs them. */
export interface Workplace extends AsyncDisposable {
  readonly path: string;
  write(name: string, text: string): Promise<string>;
  /** In this process. */
  run(argv: readonly string[], options?: RunOptions): Promise<Ran>;
  /** As a process of its own: the real thing. */
  spawn(argv: readonly string[], options?: RunOptions): ChildProcessWithoutNullStreams;
  /** As a process of its own, to its end. */
  runBin(argv: readonly string[], options?: RunOptions): Promise<Ran>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly cwd?: string;
}

/** The program, as a file of Node. */
export const BIN = fileURLToPath(new URL("../../bin/kinsync.mjs", import.meta.url));

export async function createWorkplace(files: Readonly<Record<string, string>> = {}): Promise<Workplace> {
  const path = await mkdtemp(join(tmpdir(), "kinsync-cli-"));
  const children = new Set<ChildProcessWithoutNullStreams>();
  const workplace: Workplace = {
    path,
    async write(name, text) {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
    async run(argv, options = {}) {
      let stdout = "";
      let stderr = "";
      const code = await main(argv, {
        stdout: { write: (text) => (stdout += text) },
        stderr: { write: (text) => (stderr += text) },
        env: { HOME: path, PATH: process.env["PATH"], ...options.env },
        cwd: options.cwd ?? path,
        conditions: [],
        signal: options.signal ?? new AbortController().signal,
      });
      return { code, stdout: withoutTimes(stdout), stderr };
    },
    spawn(argv, options = {}) {
      const child = spawn(process.execPath, ["--conditions=kinsync:source", BIN, ...argv], {
        cwd: options.cwd ?? path,
        env: { HOME: path, PATH: process.env["PATH"], ...options.env },
      });
      children.add(child);
      child.once("close", () => children.delete(child));
      return child;
    },
    runBin: (argv, options) => ended(workplace.spawn(argv, options)),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await rm(path, { recursive: true, force: true });
    },
  };
  for (const [name, text] of Object.entries(files)) await workplace.write(name, text);
  return workplace;
}

/** Collects what a process says until it ends. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, stdout: withoutTimes(stdout), stderr };
}

function withoutTimes(text: string): string {
  return text.replaceAll(/^\d\d:\d\d:\d\d {2}/gm, "");
}
