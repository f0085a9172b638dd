import type { ExecEnd } from "./exec-stream.ts";
import { oneLine } from "./one-line.ts";

/** How the agent's process ended, for messages. */
export function describeExit(status: Extract<ExecEnd, { readonly why: "status" }>["status"]): string {
  if (status.success) return "the agent ended";
  if (status.exitCode !== undefined) return `the agent ended with exit code ${status.exitCode}`;
  return oneLine(status.message);
}
