import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";
import { FIXED_MODES, NO_FOLDER_RENAME, RENAME_REFUSALS, withDoubles } from "../support/faults.ts";
import { canMount, withMounts } from "../support/mounts.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };

async function sessionIn(world: LocalEnvironment) {
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  return {
    session,
    apply: async (paths: readonly BatchPath[]) =>
      session.commit(session.stage(await createBatch(root, paths), { signal }), { signal }),
    in: (path: string) => join(world.folder, "root", path),
    state: join(world.folder, ".kinsync/k"),
  };
}

const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

/** A folder with files, a link, an empty folder, and a folder in it. */
function newFolder(name: string): BatchPath[] {
  return [
    { directory: name },
    { file: `${name}/a`, bytes: "a" },
    { file: `${name}/.hidden`, bytes: "h" },
    { file: `${name}/it's a "name"\n*`, bytes: "n", mode: 0o755 },
    { link: `${name}/l`, target: "nowhere" },
    { directory: `${name}/empty` },
    { directory: `${name}/sub dir`, mode: 0o750 },
    { file: `${name}/sub dir/b`, bytes: "b" },
  ];
}

function expectFolder(at: (path: string) => string, name: string): void {
  const names = [".hidden", "a", "empty", `it's a "name"\n*`, "l", "sub dir"];
  expect(readdirSync(at(name)).toSorted()).toEqual(names);
  expect(readFileSync(at(`${name}/a`), "utf8")).toBe("a");
  expect(readFileSync(at(`${name}/sub dir/b`), "utf8")).toBe("b");
  expect(readlinkSync(at(`${name}/l`))).toBe("nowhere");
  expect(readdirSync(at(`${name}/empty`))).toEqual([]);
  expect([name, `${name}/sub dir`, `${name}/it's a "name"\n*`].map((path) => mode(at(path)))).toEqual([
    "755",
    "750",
    "755",
  ]);
}

describe.each(MAKES)("a volume that renames no folders, in a container with $name", (make) => {
  test("gets new folders file by file, whatever the refusal, and one note", async () => {
    await using world = await makeLocalEnvironment(withDoubles(make, NO_FOLDER_RENAME));
    const here = await sessionIn(world);
    for (const name of RENAME_REFUSALS) {
      const receipt = await here.apply([...newFolder(name), { file: `beside ${name}`, bytes: "1" }]);
      expectFolder(here.in, name);
      expect(readFileSync(here.in(`beside ${name}`), "utf8")).toBe("1");
      expect(receipt.notes).toMatchObject([
        {
          code: "rename",
          path: name,
          message: expect.stringMatching(/^root, .*cannot rename folders, so .* one by one/),
        },
      ]);
    }
    const { entries } = await here.session.inventory(root, { paths: [], list: true, signal });
    expect(entries).toHaveLength(RENAME_REFUSALS.length * 9);
    // The agent cleans up after it acknowledged, and before its next answer.
    expect(readdirSync(here.state).toSorted()).toEqual(["manifest", "marker"]);
    await here.session[Symbol.asyncDispose]();
  });

  test("gets a folder in place of a file and of a link, and several at once", async () => {
    await using world = await makeLocalEnvironment(withDoubles(make, NO_FOLDER_RENAME));
    const here = await sessionIn(world);
    await here.apply([
      { file: "f", bytes: "was a file" },
      { link: "l", target: "f" },
    ]);
    const receipt = await here.apply([
      { directory: "f", replaces: "file" },
      { file: "f/g", bytes: "1" },
      { directory: "l", replaces: "link" },
      { file: "l/g", bytes: "2" },
      ...newFolder("third"),
    ]);
    expect(readFileSync(here.in("f/g"), "utf8")).toBe("1");
    expect(readFileSync(here.in("l/g"), "utf8")).toBe("2");
    expectFolder(here.in, "third");
    expect(receipt.notes?.map(({ code }) => code)).toEqual(["rename"]);
    await here.session[Symbol.asyncDispose]();
  });

  test("keeps a folder of others that appeared in the place of a new one", async () => {
    await using world = await makeLocalEnvironment(withDoubles(make, NO_FOLDER_RENAME));
    const here = await sessionIn(world);
    mkdirSync(here.in("d"));
    writeFileSync(here.in("d/theirs"), "theirs");
    await expect(here.apply(newFolder("d"))).rejects.toMatchObject({ code: "KINSYNC_TARGET_FOREIGN" });
    expect(readdirSync(here.in("d"))).toEqual(["theirs"]);
    await here.session[Symbol.asyncDispose]();
  });

  test.runIf(canMount)("gets new folders where it is mounted below the root", async () => {
    const mounted = withMounts(withDoubles(make, NO_FOLDER_RENAME), 'mount -t tmpfs none "$PWD/root/vol"');
    await using world = await makeLocalEnvironment(mounted);
    mkdirSync(join(world.folder, "root/vol"), { recursive: true });
    const here = await sessionIn(world);
    const receipt = await here.apply(newFolder("vol/d"));
    expect(receipt.notes?.map(({ code }) => code)).toEqual(["rename"]);
    const paths = ["d", "d/a", "d/sub dir/b", "d/empty", "d/l"].map((path) => `vol/${path}`);
    const { entries } = await here.session.inventory(root, { paths, signal });
    expect(entries.map(({ path }) => path)).toEqual(expect.arrayContaining(paths));
    await here.session[Symbol.asyncDispose]();
  });
});

describe.each(MAKES)("a volume with fixed modes, in a container with $name", (make) => {
  test("gets the bytes, and a change of a mode that has no effect is one note", async () => {
    await using world = await makeLocalEnvironment(withDoubles(make, FIXED_MODES));
    const here = await sessionIn(world);
    await here.apply(["a", "b", "c"].map((file) => ({ file, bytes: file })));
    const receipt = await here.apply([
      { chmod: "a", mode: 0o755 },
      { chmod: "b", mode: 0o755 },
      { file: "c", bytes: "new", replaces: "file" },
    ]);
    expect(readFileSync(here.in("c"), "utf8")).toBe("new");
    expect(mode(here.in("a"))).toBe("644");
    expect(receipt.notes).toMatchObject([{ code: "mode", message: expect.stringContaining("ignores it") }]);
    const same = await here.apply([{ chmod: "a", mode: 0o600 }]);
    expect(same.notes).toBeUndefined();
    await here.session[Symbol.asyncDispose]();
  });
});
