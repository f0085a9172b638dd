import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ContentStore } from "../../src/mapping/content-store.ts";
import type { Tree } from "../../src/mapping/tree.ts";
import { Scanner } from "../../src/local/scan/scanner.ts";
import type { SourceState } from "../../src/local/source.ts";
import { applyAll, change, START } from "./support/changes.ts";
import { specOf, tempFolder, write } from "./support/fixture.ts";

/** A path to its type, mode and bytes. */
type Copy = ReadonlyMap<string, string>;

/** Writes a tree with the bytes of its content store into a new folder, by nothing but their public interfaces. */
async function reproduce(tree: Tree, content: ContentStore, target: string, signal: AbortSignal): Promise<void> {
  await mkdir(target);
  for (const entry of tree.entries.values()) {
    const absolute = join(target, entry.path);
    if (entry.type === "directory") {
      await mkdir(absolute);
      await chmod(absolute, entry.mode);
    } else if (entry.type === "link") {
      await symlink(entry.target, absolute);
    } else {
      const chunks: Uint8Array[] = [];
      if (entry.size > 0) for await (const chunk of content.open(entry, signal)) chunks.push(chunk);
      await writeFile(absolute, Buffer.concat(chunks));
      await chmod(absolute, entry.mode);
    }
  }
}

/** Reads a folder without kinsync's help. */
async function readFolder(root: string, folder = "", into = new Map<string, string>()): Promise<Copy> {
  for (const name of (await readdir(join(root, folder))).sort()) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const stats = await lstat(join(root, path));
    const mode = (stats.mode & 0o777).toString(8);
    if (stats.isDirectory()) {
      into.set(path, `directory ${mode}`);
      await readFolder(root, path, into);
    } else if (stats.isSymbolicLink()) {
      into.set(path, `link ${await readlink(join(root, path))}`);
    } else {
      into.set(path, `file ${mode} ${(await readFile(join(root, path))).toString("base64")}`);
    }
  }
  return into;
}

/** What a state reproduces in the folder `copy`. A state without files reproduces an empty folder. */
async function reproductionOf(state: SourceState, copy: string, signal: AbortSignal): Promise<Copy> {
  if (state.state === "present") await reproduce(state.tree, state.content, copy, signal);
  else if (state.state === "empty") await mkdir(copy);
  return readFolder(copy);
}

const everything = { ignoreDefaults: false };

const name = fc.constantFrom("a", "b", "ü", "x y", "日本", "-n", "\ufffd");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  // Around the size from which files are read in pieces.
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(-1, 0, 1, 900_000), fc.nat(255))
      .map(([over, fill]) => new Uint8Array(256 * 1024 + over).fill(fill)),
  },
);

test("tree and content reproduce exactly the bytes, modes and links of any folder", { timeout: 60_000 }, async () => {
  const folder = await tempFolder();
  const signal = AbortSignal.timeout(60_000);
  let runs = 0;
  const files = fc.array(fc.tuple(path, bytes, fc.constantFrom(0o644, 0o600, 0o755)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(files, async (all) => {
      const root = join(folder, `r${runs++}`);
      await mkdir(root);
      for (const [at, content, mode] of all) {
        try {
          await mkdir(dirname(join(root, at)), { recursive: true });
          await writeFile(join(root, at), content);
          await chmod(join(root, at), mode);
        } catch {
          // A file is where a folder is needed, or the reverse.
        }
      }
      const state = await new Scanner(specOf(root, everything)).scan(signal);
      expect(await reproductionOf(state, `${root}.copy`, signal)).toEqual(await readFolder(root));
    }),
    { numRuns: 60 },
  );
});

test("after any changes tree and content reproduce exactly the new folder", { timeout: 60_000 }, async () => {
  const folder = await tempFolder();
  const signal = AbortSignal.timeout(60_000);
  let runs = 0;
  const changes = fc.array(change, { minLength: 1, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 3 }), async (rounds) => {
      const root = join(folder, `r${runs++}`);
      await write(root, START);
      const scanner = new Scanner(specOf(root, everything));
      await scanner.scan(signal);
      for (const [index, round] of rounds.entries()) {
        const state = await scanner.refresh(await applyAll(root, round), signal);
        expect(await reproductionOf(state, `${root}.copy${index}`, signal)).toEqual(await readFolder(root));
      }
    }),
    { numRuns: 40 },
  );
});

test("the content of an older tree is served while its bytes exist, else it is reported as changed", async () => {
  const root = join(await tempFolder(), "root");
  const signal = AbortSignal.timeout(60_000);
  await write(root, { moved: "one", removed: "two", kept: "three" });
  const scanner = new Scanner(specOf(root));
  const before = await scanner.scan(signal);
  if (before.state !== "present") throw new Error("the folder is not present");
  await rename(join(root, "moved"), join(root, "elsewhere"));
  await rm(join(root, "removed"));
  await scanner.scan(signal);
  const read = async (at: string): Promise<string> => {
    const entry = before.tree.entries.get(at);
    if (entry?.type !== "file") throw new Error(`${at} is not a file of the tree`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of before.content.open(entry, signal)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  expect(await read("moved")).toBe("one");
  expect(await read("kept")).toBe("three");
  await expect(read("removed")).rejects.toMatchObject({ code: "KINSYNC_SOURCE_CHANGED" });
});
