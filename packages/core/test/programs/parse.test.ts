import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SHELLS } from "./support/shells.ts";

const FOLDER = join(import.meta.dirname, "../../programs");

/** Used where the machine has it. */
const LINTER = ["shellcheck", "--shell=sh"] as const;
const HAS_LINTER = spawnSync(LINTER[0], ["--version"]).error === undefined;

test.each(readdirSync(FOLDER))("%s is a program of every shell", (name) => {
  for (const [program = "", ...words] of SHELLS) {
    const { status, stderr } = spawnSync(program, [...words, "-n", join(FOLDER, name)], { encoding: "utf8" });
    expect({ program, status, stderr }).toEqual({ program, status: 0, stderr: "" });
  }
});

test.runIf(HAS_LINTER).each(readdirSync(FOLDER))("shellcheck has nothing to say about %s", (name) => {
  const { stdout } = spawnSync(LINTER[0], [LINTER[1], join(FOLDER, name)], { encoding: "utf8" });
  expect(stdout).toBe("");
});
