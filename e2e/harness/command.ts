import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";

export interface CommandOptions {
  readonly input?: string;
  /** Standard output goes into this file and is not given back. */
  readonly stdoutFile?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds; the process is killed then. Default: one minute. */
  readonly within?: number;
  readonly signal?: AbortSignal;
}

export interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects where it cannot be started, does not end in time, or the signal fires. */
export async function execute(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const [file = "", ...args] = argv;
  const within = options.within ?? 60_000;
  const timeout = AbortSignal.timeout(within);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const child = spawn(file, args, { cwd: options.cwd, env: options.env ?? process.env, signal, killSignal: "SIGKILL" });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let written: Promise<void> | undefined;
  if (options.stdoutFile === undefined) child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  else written = pipeline(child.stdout, createWriteStream(options.stdoutFile));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading its input is told by its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const ended = Promise.withResolvers<number | undefined>();
  child.once("error", (error) => {
    const said = Buffer.concat(stderr).toString();
    ended.reject(
      timeout.aborted ? new Error(`${argv.join(" ")} did not end within ${within} ms; it said: ${said}`) : error,
    );
  });
  child.once("close", (code) => ended.resolve(code ?? undefined));
  const [code] = await Promise.all([ended.promise, written]);
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** As `execute`; rejects with what it said where the exit code is not 0. @returns its standard output. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await execute(argv, options);
  if (code !== 0) throw new Error(`${argv.slice(0, 12).join(" ")} ended with ${code}: ${stderr || stdout}`);
  return stdout;
}
