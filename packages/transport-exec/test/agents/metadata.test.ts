import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Receipt, RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";
import { canMount, withMounts } from "../support/mounts.ts";
import { ToolFolder } from "../support/tool-folder.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const SETPRIV = "/usr/bin/setpriv";
const isRoot = process.geteuid?.() === 0;
/** Root without any capability, as `capabilities: { drop: [ALL] }` makes it. */
const POWERLESS = [SETPRIV, "--bounding-set=-all", "--inh-caps=-all"];

function powerless(make: Make): Make {
  return { ...make, shell: [...POWERLESS, ...make.shell] };
}

async function sessionIn(world: LocalEnvironment) {
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  const apply = async (paths: readonly BatchPath[]): Promise<Receipt> =>
    session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });
  return { session, apply, in: (path: string) => join(world.folder, "root", path) };
}

const owners = (path: string): string => `${lstatSync(path).uid}:${lstatSync(path).gid}`;
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

describe.runIf(isRoot).each(MAKES)("owners and times in a container with $name", (make) => {
  test("new files and folders take the owner, the group and the setgid bit of their folder", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, "root/theirs"), { recursive: true });
    chownSync(join(world.folder, "root/theirs"), 1000, 2000);
    chmodSync(join(world.folder, "root/theirs"), 0o2775);
    const here = await sessionIn(world);
    const receipt = await here.apply([
      { file: "theirs/one", bytes: "1" },
      { directory: "theirs/d" },
      { file: "theirs/d/f", bytes: "f", mode: 0o755 },
      { link: "theirs/l", target: "one" },
    ]);
    expect(receipt.notes).toBeUndefined();
    for (const path of ["one", "d", "d/f", "l"]) expect(owners(here.in(`theirs/${path}`)), path).toBe("1000:2000");
    expect([mode(here.in("theirs/d")), mode(here.in("theirs/d/f")), mode(here.in("theirs/one"))]).toEqual([
      "2755",
      "755",
      "644",
    ]);
    await here.apply([{ file: "theirs/two", bytes: "2" }]);
    expect(owners(here.in("theirs/two"))).toBe("1000:2000");
    await here.session[Symbol.asyncDispose]();
  });

  test("a file that is replaced keeps its owner, alone and among others", async () => {
    await using world = await makeLocalEnvironment(make);
    const here = await sessionIn(world);
    for (const [index, name] of ["a", "b", "c", "d"].entries()) {
      writeFileSync(here.in(name), "old");
      chownSync(here.in(name), 1000 + (index % 2), 3000);
    }
    await here.apply([{ file: "a", bytes: "new", replaces: "file" }]);
    await here.apply(["a", "b", "c", "d"].map((file) => ({ file, bytes: "newer", replaces: "file" })));
    expect(["a", "b", "c", "d"].map((name) => owners(here.in(name)))).toEqual([
      "1000:3000",
      "1001:3000",
      "1000:3000",
      "1001:3000",
    ]);
    await here.session[Symbol.asyncDispose]();
  });

  test("a file that is replaced gets a later time, even if it comes from the future", async () => {
    await using world = await makeLocalEnvironment(make);
    const here = await sessionIn(world);
    const future = Math.floor(Date.now() / 1000) + 5_000;
    for (const name of ["a", "b"]) {
      writeFileSync(here.in(name), "old");
      utimesSync(here.in(name), future, future);
    }
    await here.apply([{ file: "a", bytes: "longer than before", replaces: "file" }]);
    await here.apply([
      { file: "b", bytes: "longer than before", replaces: "file" },
      { directory: "d" },
      { file: "d/f", bytes: "" },
    ]);
    for (const name of ["a", "b"]) expect(lstatSync(here.in(name)).mtimeMs / 1000).toBeGreaterThan(future);
    await here.session[Symbol.asyncDispose]();
  });

  test("a file with another name outside of the root gets its mode, and the other name keeps its own", async () => {
    await using world = await makeLocalEnvironment(make);
    const here = await sessionIn(world);
    const outside = join(world.folder, "outside");
    mkdirSync(outside);
    for (const name of ["a", "b c"]) {
      writeFileSync(join(outside, name), `content of ${name}`, { mode: 0o644 });
      chownSync(join(outside, name), 1000, 3000);
      linkSync(join(outside, name), here.in(name));
    }
    writeFileSync(here.in("single"), "");
    const before = lstatSync(join(outside, "a"));
    const receipt = await here.apply(["a", "b c", "single"].map((chmod) => ({ chmod, mode: 0o755 })));
    expect(receipt.notes).toBeUndefined();
    for (const name of ["a", "b c", "single"]) expect(mode(here.in(name)), name).toBe("755");
    for (const name of ["a", "b c"]) {
      expect(mode(join(outside, name))).toBe("644");
      expect(readFileSync(here.in(name), "utf8")).toBe(`content of ${name}`);
      expect(owners(here.in(name))).toBe("1000:3000");
    }
    expect(lstatSync(join(outside, "a")).ino).toBe(before.ino);
    // busybox copies whole seconds.
    expect(Math.abs(lstatSync(here.in("a")).mtimeMs - before.mtimeMs)).toBeLessThan(1_000);
    expect(readdirSync(here.in("")).toSorted()).toEqual(["a", "b c", "single"]);
    await here.session[Symbol.asyncDispose]();
  });

  test("a batch that took long to arrive has the time of its commit", async () => {
    await using world = await makeLocalEnvironment(make);
    const here = await sessionIn(world);
    const batch = await createBatch(root, [
      { directory: "d" },
      { file: "d/first", bytes: "1" },
      { file: "second", bytes: "2" },
      { file: "third", bytes: "3" },
      { file: "fourth", bytes: "4" },
    ]);
    const stage = here.session.stage(batch, { signal });
    await stage.ready;
    await sleep(2_100);
    const before = Date.now();
    await here.session.commit(stage, { signal });
    for (const path of ["d/first", "second"]) expect(lstatSync(here.in(path)).mtimeMs).toBeGreaterThan(before - 1_000);
    await here.session[Symbol.asyncDispose]();
  });
});

describe.runIf(isRoot && existsSync(SETPRIV)).each(MAKES.filter(({ shell }) => shell.length > 0))(
  "a user who may not give files away, in a container with $name",
  (make) => {
    test("gets the bytes and one note for each kind", async () => {
      await using world = await makeLocalEnvironment(powerless(make));
      const here = await sessionIn(world);
      chmodSync(here.in(""), 0o777);
      for (const name of ["f", "g", "h"]) {
        writeFileSync(here.in(name), "old");
        chownSync(here.in(name), 1000, 1000);
      }
      const saved = await here.apply([{ file: "f", bytes: "new", replaces: "file" }]);
      expect(readFileSync(here.in("f"), "utf8")).toBe("new");
      expect(saved.notes).toMatchObject([{ code: "owner" }]);
      expect(saved.notes?.[0]?.message).toMatch(/^root.*owner could not be set: .*not permitted/);
      const many = await here.apply([
        ...["f", "g"].map((file) => ({ file, bytes: "newer", replaces: "file" }) as const),
        { directory: "d" },
        { file: "d/f", bytes: "" },
        { chmod: "h", mode: 0o755 },
      ]);
      expect(many.notes?.map(({ code }) => code).toSorted()).toEqual(["mode", "owner"]);
      expect(readFileSync(here.in("g"), "utf8")).toBe("newer");
      await here.session[Symbol.asyncDispose]();
    });
  },
);

/** A `cp` that copies, and reports that it could not keep something. */
const CP_REPORTS = [
  ["GNU", "failed to preserve ownership for 'x': Operation not permitted", 1, "owner"],
  ["GNU", "preserving permissions for 'x': Operation not supported", 1, "mode"],
  ["GNU", "preserving times for 'x': Operation not permitted", 1, "time"],
  ["busybox", "can't preserve ownership of 'x': Operation not permitted", 0, "owner"],
] as const;

describe.runIf(canMount).each(CP_REPORTS)(
  "a volume without owners, modes or times, with cp of %s: %s",
  (_, text, code, note) => {
    test("gets the bytes and one note", async () => {
      const sh = MAKES.find(({ name }) => name === "sh");
      if (sh === undefined) throw new Error("this machine has no sh");
      const path = (folder: string): string => {
        const script = `/bin/cp "$@" || exit; case $1 in -p*) echo "cp: ${text}" >&2; exit ${code} ;; esac`;
        return `${new ToolFolder(folder).addSystemTools().write("cp", script).path}:/usr/bin:/bin`;
      };
      await using world = await makeLocalEnvironment(
        withMounts({ ...sh, path }, 'mount -t tmpfs none "$PWD/root/vol"'),
      );
      mkdirSync(join(world.folder, "root/vol"), { recursive: true });
      const here = await sessionIn(world);
      const receipt = await here.apply([
        { directory: "vol/d" },
        { file: "vol/d/f", bytes: "1" },
        { file: "vol/g", bytes: "2" },
      ]);
      expect(receipt.notes?.map((each) => each.code)).toEqual([note]);
      const { entries } = await here.session.inventory(root, { paths: ["vol/d/f", "vol/g"], signal });
      const files = entries.filter(({ type }) => type === "file");
      expect(files).toMatchObject(["vol/d/f", "vol/g"].map((each) => ({ path: each, size: 1, mode: 0o644 })));
      await here.session[Symbol.asyncDispose]();
    });
  },
);

describe.runIf(canMount).each(MAKES)("a volume that is mounted below the root, in a container with $name", (make) => {
  test("is in no list, and files that were placed there stay known", async () => {
    await using world = await makeLocalEnvironment(
      withMounts(make, `mount -t tmpfs none "$PWD/root/vol ume" && echo theirs >"$PWD/root/vol ume/theirs"`),
    );
    mkdirSync(join(world.folder, "root/vol ume"), { recursive: true });
    writeFileSync(join(world.folder, "root/own"), "own");
    const here = await sessionIn(world);
    await here.apply([{ file: "vol ume/ours", bytes: "ours" }]);
    const { entries, mounts } = await here.session.inventory(root, { paths: [], list: true, signal });
    expect(mounts).toEqual(["vol ume"]);
    expect(entries.map(({ path }) => path).toSorted()).toEqual(["own", "vol ume/ours"]);
    await here.apply([{ remove: "vol ume/ours" }]);
    const paths = ["vol ume/ours", "vol ume/theirs"];
    const found = await here.session.inventory(root, { paths, signal });
    expect(found.entries.map(({ path }) => path)).toEqual(["vol ume/theirs"]);
    await here.session[Symbol.asyncDispose]();
  });
});
