import { spawnSync } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const BIN = fileURLToPath(new URL("../bin/kinsync.mjs", import.meta.url));

test.runIf(existsSync("/dev/full"))("an output that cannot be written is named, and the exit code is 1", () => {
  const { status, stderr } = spawnSync(process.execPath, ["--conditions=kinsync:source", BIN, "--version"], {
    stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
    encoding: "utf8",
    timeout: 30_000,
  });
  expect(stderr).toContain("error: the output cannot be written: ENOSPC");
  expect(status).toBe(1);
});
