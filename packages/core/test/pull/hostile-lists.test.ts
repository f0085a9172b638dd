import fc from "fast-check";
import { mkdirSync, realpathSync, symlinkSync, writeFileSync, lstatSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import type { PullEntry } from "../../src/contract/pull.ts";
import { pullFake } from "./support/fake-pull.ts";
import { createSandbox } from "./support/sandbox.ts";

const NAMES = [
  "a",
  "b",
  "l",
  "m",
  "..",
  ".",
  "",
  "beside",
  "sentinel",
  "to",
  "\0",
  "mine",
  "file",
  ".kinsync-part-1",
  "\\..",
  "C:",
];
const name = fc.constantFrom(...NAMES);
const path = fc.oneof(
  fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/")),
  fc.constantFrom("/etc/hosts", "/tmp/x", "../sentinel", "../beside/a", "../../sentinel", "a/../../beside/a", ""),
);
const entry: fc.Arbitrary<PullEntry> = fc.oneof(
  fc.record({ path, type: fc.constant("file" as const), executable: fc.boolean() }),
  fc.record({ path, type: fc.constant("directory" as const) }),
  fc.record({ path, type: fc.constant("link" as const), target: path }),
  fc.record({ path, type: fc.constantFrom("other" as const, "unreadable" as const) }),
);

/** Paths of links below a folder. */
function linksOf(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((each) => {
    const at = join(folder, each);
    const stats = lstatSync(at);
    if (stats.isSymbolicLink()) return [at];
    return stats.isDirectory() ? linksOf(at) : [];
  });
}

function realOf(at: string): string | undefined {
  try {
    return realpathSync(at);
  } catch {
    return undefined;
  }
}

test("no list of a container creates or changes anything outside of the local folder, or a link that leads there", async () => {
  const lists = fc.array(fc.array(entry, { maxLength: 12 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(lists, fc.boolean(), fc.constantFrom("/data", "/data/..", "x"), async (all, overwrite, from) => {
      using box = createSandbox();
      // What the user has there: a link that leads outside, and a file.
      symlinkSync("../beside", join(box.to, "mine"));
      writeFileSync(join(box.to, "file"), "mine");
      mkdirSync(join(box.to, "b"));
      const before = box.outside();
      for (const entries of all) {
        // oxlint-disable-next-line no-await-in-loop -- one pull after the other, into the same folder
        await pullFake({ entries }, box.to, { overwrite, path: from });
        expect(box.outside()).toEqual(before);
        const written = linksOf(box.to).filter((at) => at !== join(box.to, "mine"));
        const outside = written.filter((at) => relative(box.to, realOf(at) ?? box.to).startsWith(".."));
        expect(outside).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});
