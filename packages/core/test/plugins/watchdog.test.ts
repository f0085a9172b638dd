import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("support/blocking-plugin.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(behavior: string): Promise<Ended> {
  const child = spawn(process.execPath, ["--conditions=kinsync:source", SCRIPT, behavior], { timeout: 20_000 });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  return await new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })));
}

test.each([
  ["loops in judge", "loop", "judge"],
  ["loops in judge and catches everything", "caught-loop", "judge"],
  ["loops at its top level while it is imported", "loop-at-import", "import"],
])("a plugin that %s ends the process with its name and the plugin exit code", async (_situation, behavior, call) => {
  expect(await run(behavior)).toEqual({
    code: 2,
    signal: null,
    stdout: "exit listener\n",
    stderr: `KINSYNC_PLUGIN_FAILED plugin stuck did not return from ${call} within 0.5 s, so kinsync cannot continue\n`,
  });
});

test("a plugin that blocks outside JavaScript is named, and the process is killed", async () => {
  const { signal, stderr } = await run("block");
  expect(signal).toBe("SIGKILL");
  expect(stderr).toBe("error KINSYNC_PLUGIN_FAILED: plugin stuck blocks kinsync in judge; kinsync ends itself\n");
});

test.each([
  ["a slow call", "slow"],
  ["many calls that take longer together", "many"],
  ["an import that waits", "slow-import"],
])("%s ends as it should", async (_situation, behavior) => {
  expect(await run(behavior)).toEqual({ code: 0, signal: null, stdout: "done\nexit listener\n", stderr: "" });
});
