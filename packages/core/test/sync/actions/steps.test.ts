import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { RunAction } from "../../../src/contract/action.ts";
import { commandOf } from "../../../src/sync/actions/steps.ts";

const run = promisify(execFile);

/** What a command prints here, as a session runs it: argv, or a program for `sh -c`. */
async function output(action: Omit<RunAction, "when">, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const command = commandOf({ when: ["*"], ...action }, "life 1");
  const [program = "", ...words] = typeof command === "string" ? ["sh", "-c", command] : command;
  const { stdout } = await run(program, words, { env });
  return stdout;
}

test("a command without more is run as it is", () => {
  expect(commandOf({ when: ["*"], command: "make" }, "x")).toBe("make");
  expect(commandOf({ when: ["*"], command: ["make", "a b"], env: {} }, "x")).toEqual(["make", "a b"]);
});

const HOSTILE = `a"b'c $(echo no) \`echo no\` ; echo no \n * ~ \\ =`;

test.each([
  ["argv", ["printenv", "VALUE"]],
  ["a program", 'printf "%s\\n" "$VALUE"'],
  ["argv whose first word has an equals sign is no variable", ["sh", "-c", "printenv VALUE"]],
] as const)("a variable arrives as it is: %s", async (_, command) => {
  expect(await output({ command, env: { VALUE: HOSTILE } })).toBe(`${HOSTILE}\n`);
});

test("a program whose name looks like a variable still gets its variables", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-"));
  try {
    await run("sh", ["-c", `printf '#!/bin/sh\\necho "$A"' >"$1/x=y" && chmod 755 "$1/x=y"`, "sh", folder]);
    expect(await output({ command: [`${folder}/x=y`], env: { A: "1" } })).toBe("1\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(["/", "/usr", "/usr/../tmp"])("a command runs in its folder %s", async (workdir) => {
  expect(await output({ command: ["pwd"], workdir })).toBe(await output({ command: `cd ${workdir} && pwd` }));
});

test("a folder with odd names is no program and no option", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-$(echo no) -"));
  try {
    expect(await output({ command: ["pwd"], workdir: folder, env: { A: "1" } })).toBe(`${folder}\n`);
    await expect(output({ command: ["pwd"], workdir: "-missing; echo no" })).rejects.toMatchObject({ code: 2 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("`once` runs a command until it succeeded, and again in another life of the container", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-"));
  const env = { ...process.env, TMPDIR: folder };
  try {
    const once = { once: true, command: `echo x >>"$0"; wc -l <"$0"; [ -e ${folder}/ready ]` };
    const count = { ...once, command: once.command.replaceAll("$0", `${folder}/count`) };
    await expect(output(count, env)).rejects.toMatchObject({ code: 1 });
    await run("touch", [`${folder}/ready`]);
    expect((await output(count, env)).trim()).toBe("2");
    expect((await output(count, env)).trim()).toBe("ran before in this container: once");
    expect((await output({ ...count, command: `${count.command} # another` }, env)).trim()).toBe("3");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
