import { spawn } from "node:child_process";
import type { RunResult } from "../../../../src/contract/action.ts";

/** Runs a command on this machine and kills it at the time limit or when it is aborted. */
export function runCommand(
  command: readonly string[] | string,
  options: { timeout: number; signal: AbortSignal; onOutput?: (text: string) => void },
): Promise<RunResult> {
  const [program = "", ...args] = typeof command === "string" ? ["sh", "-c", command] : command;
  const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let why: RunResult["why"] = "exited";
  const stop = (reason: "timeout" | "aborted"): void => {
    why = reason;
    const runs = child.exitCode === null && child.signalCode === null;
    if (child.pid !== undefined && runs) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(() => stop("timeout"), options.timeout);
  options.signal.addEventListener("abort", () => stop("aborted"), { once: true });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
      options.onOutput?.(data.toString());
    });
  }
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({
        exitCode: why === "exited" ? (code ?? undefined) : undefined,
        why,
        output,
        truncated: false,
        duration: 1,
      });
    });
  });
}
