import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SHELLS } from "./support/shells.ts";

const FOLDER = join(import.meta.dirname, "../../programs");

const LINTER = spawnSync("shellcheck", ["--version"]).error === undefined;

test.each(readdirSync(FOLDER))("%s is a program of every shell", (name) => {
  for (const [program = "", ...words] of SHELLS) {
    const { status, stderr } = spawnSync(program, [...words, "-n", join(FOLDER, name)], { encoding: "utf8" });
    expect({ program, status, stderr }).toEqual({ program, status: 0, stderr: "" });
  }
});

test.runIf(LINTER).each(readdirSync(FOLDER))("shellcheck has nothing to say about %s", (name) => {
  const { stdout } = spawnSync("shellcheck", ["--shell=sh", join(FOLDER, name)], { encoding: "utf8" });
  expect(stdout).toBe("");
});
