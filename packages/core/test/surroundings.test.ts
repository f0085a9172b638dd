import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));

/** Comments may name them, in examples. */
const AMBIENT = /\bprocess\.(?:env|cwd|chdir|argv|execArgv|exit|exitCode|stdin|stdout|stderr)\b|\bhomedir\(/;

/** A blocked process cannot return to its caller, who asked for this with `onPluginBlocked` and chose the exit code. */
const EXCEPTIONS = ["plugins/watchdog.ts: process.exit(code);"];

/** These take the surroundings away from a kind under test, or are a process of their own. */
const GUARDS = ["testing/kinds/isolated-process.ts", "testing/kinds/isolated.ts", "testing/kinds/purity.ts"];

test("core reads environment, working directory and arguments only where they are handed in", () => {
  const found = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !GUARDS.includes(name.replaceAll("\\", "/")))
    .flatMap((name) => {
      const path = join(SOURCE, name);
      const code = readFileSync(path, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) =>
        comment.replaceAll(/[^\n]/g, " "),
      );
      return code
        .split("\n")
        .flatMap((line, index) =>
          AMBIENT.test(line) && !EXCEPTIONS.includes(`${relative(SOURCE, path)}: ${line.trim()}`)
            ? [`${relative(SOURCE, path)}:${index + 1}: ${line.trim()}`]
            : [],
        );
    });
  expect(found).toEqual([]);
});
