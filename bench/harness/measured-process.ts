// Processes within measured times: started by node:child_process, because a library on top of it takes milliseconds for each start.
import { once } from "node:events";
import type { ChildProcess } from "node:child_process";

/** Time for a process to end after a signal before it is killed. */
const GRACE_MS = 5_000;

/** Sends a signal, and SIGKILL if the process does not end. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await exit;
  clearTimeout(timer);
}

/** Rejects if a promise exceeds a time limit. Does not stop what the promise stands for. */
export async function within<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what} did not end within ${limitMs / 1000} s`)), limitMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the process has ended; rejects unless its exit code is 0. */
export async function succeeded(child: ChildProcess, what: string): Promise<void> {
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${what} ended with ${code ?? child.signalCode}`);
}
