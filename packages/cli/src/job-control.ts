import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { JobControl } from "./io.ts";

/** Milliseconds that `ps` may take. */
const PS_MS = 2_000;

/** Job control of the current process. */
export function createJobControl(): JobControl {
  return {
    interrupt: () => void process.kill(process.pid, "SIGINT"),
    // The whole group, as the terminal does: a shell waits for `npm run` or `env` in front of kinsync.
    suspend: () => void process.kill(0, "SIGTSTP"),
    isForeground,
    onContinue: (listener) => on("SIGCONT", listener),
    onExit: (listener) => on("exit", listener),
  };
}

function on(event: "SIGCONT" | "exit", listener: () => void): () => void {
  process.on(event, listener);
  return () => void process.off(event, listener);
}

/** Compares the process group with the one that the terminal belongs to. Node has no call for it. */
function isForeground(): boolean {
  try {
    if (process.platform === "win32") return true;
    if (process.platform === "linux") {
      const stat = readFileSync("/proc/self/stat", "utf8");
      // After the name, which may hold anything: state, parent, group, session, terminal, group in front.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[2] === fields[5];
    }
    const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(process.pid)], {
      encoding: "utf8",
      timeout: PS_MS,
    });
    return stdout.includes("+");
  } catch {
    return false;
  }
}
