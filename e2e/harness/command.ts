import { spawn } from "node:child_process";
import { execa } from "execa";

export interface CommandOptions {
  readonly input?: string;
  /** Standard output goes into this file and is not returned. */
  readonly stdoutFile?: string;
  readonly cwd?: string;
  /** All variables of the program. Default: those of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** The program is killed after this time. Default: one minute. */
  readonly timeoutMs?: number;
  /** The exit codes with which `run` does not reject. Default: 0 alone. */
  readonly exitCodes?: readonly number[];
  readonly signal?: AbortSignal;
}

export interface Outcome {
  /** `undefined`: a signal ended the program. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects if it cannot be started, exceeds its time limit, or the signal is aborted. */
export async function execute(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const [file = "", ...args] = argv;
  const { input = "", stdoutFile, cwd, env = process.env, timeoutMs = 60_000, signal } = options;
  const result = await execa(file, args, {
    input,
    env,
    extendEnv: false,
    stripFinalNewline: false,
    killSignal: "SIGKILL",
    timeout: timeoutMs,
    reject: false,
    ...(stdoutFile === undefined ? {} : { stdout: { file: stdoutFile } }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  const didEnd = result.exitCode !== undefined || result.signal !== undefined;
  if (result instanceof Error && (result.timedOut || result.isCanceled || !didEnd)) throw result;
  return { code: result.exitCode, stdout: result.stdout ?? "", stderr: result.stderr };
}

/** Like `execute`, but rejects with the program's output if it has another exit code. @returns its standard output */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { exitCodes = [0] } = options;
  const { code, stdout, stderr } = await execute(argv, options);
  if (code === undefined || !exitCodes.includes(code))
    throw new Error(`${argv.slice(0, 12).join(" ")} ended with exit code ${code ?? "none"}: ${stderr || stdout}`);
  return stdout;
}

/**
 * Runs a program with the terminal of this one and waits for its end. Ctrl-C reaches both; SIGTERM is passed on.
 * @returns its exit code; 1 if a signal ended it
 */
export async function runInTerminal(
  argv: readonly string[],
  { env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<number> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: "inherit", env, ...(cwd === undefined ? {} : { cwd }) });
  const ignore = (): void => {};
  const forward = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", ignore);
  process.on("SIGTERM", forward);
  const ended = Promise.withResolvers<number>();
  child.once("error", ended.reject);
  child.once("close", (code) => ended.resolve(code ?? 1));
  try {
    return await ended.promise;
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", forward);
  }
}
