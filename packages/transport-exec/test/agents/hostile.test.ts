import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Inventory, RootSpec, Session } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";
import { HOSTILE_CONTENTS, HOSTILE_NAMES, HOSTILE_TARGETS } from "../support/hostile.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const LIMIT_MS = 60_000;

interface World extends AsyncDisposable {
  readonly folder: string;
  readonly session: Required<Omit<Session, "seen">>;
  apply(paths: readonly BatchPath[]): Promise<void>;
  list(): Promise<Inventory>;
}

async function claimedWorld(world: LocalEnvironment): Promise<World> {
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  return {
    folder: join(world.folder, "root"),
    session,
    async apply(paths) {
      await session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });
    },
    list: () => session.inventory(root, { paths: [], list: true, signal }),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** Paths of an inventory with their digest or target, sorted. */
function content({ entries }: Inventory): string[] {
  return entries
    .map((entry) => {
      const value = entry.type === "file" ? entry.digest : entry.type === "link" ? entry.target : "";
      return JSON.stringify([entry.path, entry.type, value]);
    })
    .toSorted();
}

function expected(paths: Awaited<ReturnType<typeof createBatch>>["entries"]): string[] {
  return paths
    .map((entry) => {
      const value = entry.op === "file" ? entry.digest : entry.op === "link" ? entry.target : "";
      return JSON.stringify([entry.path, entry.op, value]);
    })
    .toSorted();
}

describe.each(MAKES)("the agent of a container with $name", (make) => {
  test(
    "places, lists, changes and deletes every hostile name, in an archive and one by one",
    async () => {
      await using world = await claimedWorld(await makeLocalEnvironment(make));
      const files: BatchPath[] = HOSTILE_NAMES.map((name) => ({ file: name, bytes: `content of ${name}` }));
      const inFolders: BatchPath[] = HOSTILE_NAMES.flatMap((name): BatchPath[] => [
        { directory: `folders/${name}` },
        { file: `folders/${name}/${name}`, bytes: name },
      ]);
      const all: BatchPath[] = [...files, { directory: "folders" }, ...inFolders];
      await world.apply(all);
      const { entries } = await createBatch(root, all);
      expect(content(await world.list())).toEqual(expected(entries));
      const paths = entries.map((entry) => entry.path);
      expect(content(await world.session.inventory(root, { paths, signal }))).toEqual(expected(entries));
      for (const name of HOSTILE_NAMES) {
        await world.apply([{ file: name, bytes: `second ${name}`, replaces: "file" }]);
        expect(readFileSync(join(world.folder, name), "utf8"), JSON.stringify(name)).toBe(`second ${name}`);
      }
      // A folder becomes a file.
      await world.apply(
        HOSTILE_NAMES.flatMap((name): BatchPath[] => [
          { remove: `folders/${name}/${name}` },
          { file: `folders/${name}`, bytes: "now a file", replaces: "directory" },
        ]),
      );
      for (const name of HOSTILE_NAMES) {
        expect(readFileSync(join(world.folder, "folders", name), "utf8")).toBe("now a file");
      }
      await world.apply(HOSTILE_NAMES.flatMap((name) => [{ remove: name }, { remove: `folders/${name}` }]));
      expect(readdirSync(world.folder)).toEqual(["folders"]);
      expect(readdirSync(join(world.folder, "folders"))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "lists every hostile link target, and no target is read as an answer",
    async () => {
      await using world = await claimedWorld(await makeLocalEnvironment(make));
      for (const [index, target] of HOSTILE_TARGETS.entries()) symlinkSync(target, join(world.folder, `l${index}`));
      for (let count = 0; count < 3; count += 1) {
        const { entries } = await world.list();
        const targets = new Map(entries.map((entry) => [entry.path, entry.type === "link" ? entry.target : undefined]));
        expect(HOSTILE_TARGETS.map((_, index) => targets.get(`l${index}`))).toEqual(HOSTILE_TARGETS);
      }
      const links = HOSTILE_TARGETS.map((target, index) => ({ link: `m${index}`, target }));
      await world.apply(links);
      await world.apply(links.map((link) => ({ ...link, replaces: "link" as const })));
      for (const [index, target] of HOSTILE_TARGETS.entries())
        expect(readlinkSync(join(world.folder, `m${index}`))).toBe(target);
      await world.session.ping({ signal });
    },
    LIMIT_MS,
  );

  test("changes a link to itself into another link, a file and back", async () => {
    await using world = await claimedWorld(await makeLocalEnvironment(make));
    await world.apply([{ link: "self", target: "self" }]);
    await world.apply([{ link: "self", target: "other", replaces: "link" }]);
    expect(readlinkSync(join(world.folder, "self"))).toBe("other");
    await world.apply([{ link: "self", target: "self", replaces: "link" }]);
    await world.apply([{ file: "self", bytes: "now a file", replaces: "link" }]);
    expect(readFileSync(join(world.folder, "self"), "utf8")).toBe("now a file");
  });

  test(
    "answers again and again, although its helpers end as soon as they begin",
    async () => {
      await using world = await claimedWorld(await makeLocalEnvironment(make));
      await world.apply([{ file: "f", bytes: "x" }]);
      for (let count = 0; count < 60; count += 1) expect((await world.list()).entries).toHaveLength(1);
    },
    LIMIT_MS,
  );

  test("places every hostile content, alone and in an archive", async () => {
    await using world = await claimedWorld(await makeLocalEnvironment(make));
    const files = HOSTILE_CONTENTS.map((bytes, index) => ({ file: `f${index}`, bytes }));
    await world.apply(files);
    for (const each of files) await world.apply([{ ...each, replaces: "file" }]);
    await Promise.all(files.map((each) => world.apply([{ ...each, replaces: "file" }])));
    for (const { file, bytes } of files)
      expect(readFileSync(join(world.folder, file)).equals(Buffer.from(bytes))).toBe(true);
  });

  test("lists foreign files and folders whose names hold newlines", async () => {
    await using world = await claimedWorld(await makeLocalEnvironment(make));
    mkdirSync(join(world.folder, "a\nfolder/inner"), { recursive: true });
    writeFileSync(join(world.folder, "a\nfolder/inner/plain"), "1");
    writeFileSync(join(world.folder, "a\nfolder/\n. 7 1"), "2");
    expect((await world.list()).entries.map(({ path }) => path).toSorted()).toEqual([
      "a\nfolder",
      "a\nfolder/\n. 7 1",
      "a\nfolder/inner",
      "a\nfolder/inner/plain",
    ]);
  });

  test(
    "holds any tree of names, targets and contents that it was sent",
    async () => {
      const name = fc
        .string({ unit: fc.constantFrom(..."ab-. \n\r\\'\"$`*?;!~é\t".split("")), minLength: 1, maxLength: 6 })
        .filter((text) => text !== "." && text !== "..");
      const tree = fc.uniqueArray(
        fc.record({ name, kind: fc.constantFrom("file", "link", "folder"), text: fc.string({ maxLength: 8 }) }),
        { selector: (each) => each.name, minLength: 1, maxLength: 8 },
      );
      await fc.assert(
        fc.asyncProperty(tree, async (all) => {
          await using world = await claimedWorld(await makeLocalEnvironment(make));
          const paths = all.map(({ name, kind, text }): BatchPath => {
            if (kind === "folder") return { directory: name };
            if (kind === "file") return { file: name, bytes: text };
            return { link: name, target: text.replaceAll("\0", "") || "t" };
          });
          await world.apply(paths);
          expect(content(await world.list())).toEqual(expected((await createBatch(root, paths)).entries));
        }),
        { numRuns: 6 },
      );
    },
    LIMIT_MS,
  );
});
