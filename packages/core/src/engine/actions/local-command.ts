import { spawn } from "node:child_process";
import type { LocalCommand } from "../../mapping/local-actions.ts";

/** How a command on this machine ended. */
export interface LocalResult {
  /** Missing where it did not end by itself, or could not be started. */
  readonly exitCode?: number;
  readonly ok: boolean;
  readonly reason: string;
  /** Its last 64 KiB. */
  readonly output: string;
  /** Milliseconds. */
  readonly duration: number;
}

const MAX_OUTPUT_CHARACTERS = 64 * 1024;
/** Time from TERM to KILL. */
const GRACE_MS = 3_000;

/**
 * Runs a command of the config on this machine, in the folder of the config, with the environment of kinsync. Never rejects. At the time
 * limit or when the signal aborts, it is ended with all processes that it started.
 */
export async function runLocalCommand(
  { command, folder, timeout }: LocalCommand,
  { signal, onOutput }: { readonly signal: AbortSignal; readonly onOutput: (text: string) => void },
): Promise<LocalResult> {
  const began = performance.now();
  const isGroup = process.platform !== "win32";
  const [program, words, shell] =
    typeof command === "string" ? [command, [], true] : [command[0] ?? "", command.slice(1), false];
  const child = spawn(program, [...words], {
    cwd: folder,
    shell,
    detached: isGroup,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const onData = (data: string): void => {
    output = (output + data).slice(-MAX_OUTPUT_CHARACTERS);
    onOutput(data);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", onData);
  let why: string | undefined;
  let killer: NodeJS.Timeout | undefined;
  const kill = (name: "SIGTERM" | "SIGKILL"): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(isGroup ? -child.pid : child.pid, name);
    } catch {
      // It has ended meanwhile.
    }
  };
  const stop = (reason: string): void => {
    why ??= reason;
    kill("SIGTERM");
    killer ??= setTimeout(() => kill("SIGKILL"), GRACE_MS);
  };
  const timer = setTimeout(() => stop(`did not end within ${timeout / 1000} s and was killed`), timeout);
  const onAbort = (): void => stop("was ended together with kinsync");
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const ended = Promise.withResolvers<number | null>();
  child.once("error", (error) => {
    why ??= `could not be started: ${error.message}`;
    ended.resolve(null);
  });
  child.once("close", (code) => ended.resolve(code));
  const exitCode = await ended.promise;
  clearTimeout(timer);
  clearTimeout(killer);
  signal.removeEventListener("abort", onAbort);
  const isOwnEnd = why === undefined && exitCode !== null;
  return {
    ...(isOwnEnd ? { exitCode } : {}),
    ok: isOwnEnd && exitCode === 0,
    reason: why ?? (exitCode === null ? "was killed" : `ended with exit code ${exitCode}`),
    output,
    duration: performance.now() - began,
  };
}
