import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { quote } from "../../src/runtime/confined-script.ts";
import { text } from "../support/kubelet-world.ts";

describe("a word for the shell", () => {
  it("is quoted so that it stays one word", async () => {
    const words = ["it's", "a b", "$HOME `x` \\", "", "new\nline"];
    const script = words.map((word) => `printf '%s\\0' ${quote(word)}`).join(";");
    const shell = spawn("/bin/sh", ["-c", script]);
    expect(await text(shell.stdout)).toBe(words.map((word) => `${word}\0`).join(""));
  });
});
