import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { quoted } from "../../src/protocol/quote.ts";

/** Any file name that is valid UTF-8. */
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !/[\0/]/.test(text));

test("a shell reads a quoted word unchanged, from one line", () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (words) => {
      const line = `printf '%s\\0' ${words.map((word) => quoted(word)).join(" ")}`;
      expect(line.includes("\n")).toBe(false);
      const output = execFileSync("sh", ["-c", `N='\n'\n${line}`], { encoding: "utf8" });
      expect(output).toBe(words.map((word) => `${word}\0`).join(""));
    }),
    { numRuns: 40 },
  );
});
