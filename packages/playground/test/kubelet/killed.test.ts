import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { chooseConfinement } from "../../src/runtime/confinement.ts";
import { goneFromMachine, isAlive } from "../support/machine.ts";

const confinable = (await chooseConfinement("auto")).kind === "confined";

describe("a playground that is killed", () => {
  it.each(confinable ? ["confined", "unconfined"] : ["unconfined"])(
    "takes its %s containers and files with it",
    async (confinement) => {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL("../support/kubelet-victim.ts", import.meta.url)), confinement],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      let output = "";
      for await (const chunk of child.stdout) {
        output += String(chunk);
        if (output.includes("\n")) break;
      }
      const { pid, root } = JSON.parse(output) as { pid: number; root: string };
      expect(existsSync(root)).toBe(true);
      child.kill("SIGKILL");
      await goneFromMachine(() => existsSync(root) || isAlive(pid));
      expect(isAlive(pid)).toBe(false);
      expect(existsSync(root)).toBe(false);
    },
  );
});
