// The machine's processes, for tests.

import { readFileSync } from "node:fs";

/** There is no event for the end of a process that is not a child. */
export async function goneFromMachine(there: () => boolean): Promise<void> {
  for (let tries = 0; there() && tries < 500; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie.
    return process.platform !== "linux" || !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
