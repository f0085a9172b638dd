import { appendFile, chmod, mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { createSource } from "../../src/local/watcher.ts";
import { listing, pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

test("changes of mode, of link target and of type are found", async () => {
  const root = await tempFolder();
  await write(root, { "run.sh": "", "dir/x": "", one: "", two: "" });
  await symlink("one", join(root, "link"));
  const { untilFresh } = await watched(specOf(root));
  await chmod(join(root, "run.sh"), 0o755);
  expect(listing(await untilFresh())).toMatchObject({ "run.sh": expect.stringContaining("755") });
  await chmod(join(root, "dir"), 0o700);
  expect(listing(await untilFresh())).toMatchObject({ dir: "directory 700" });
  await symlink("two", join(root, "link.new"));
  await rename(join(root, "link.new"), join(root, "link"));
  expect(listing(await untilFresh())).toMatchObject({ link: "link two" });
  await rm(join(root, "dir"), { recursive: true });
  await writeFile(join(root, "dir"), "a file now");
  await untilFresh();
  await unlink(join(root, "dir"));
  await write(root, { "dir/sub/y": "a folder again" });
  await untilFresh();
  await writeFile(join(root, "dir/sub/y"), "and watched");
  await untilFresh();
});

test("nested folders that are created quickly are all found and watched", async () => {
  const root = await tempFolder();
  await write(root, { a: "" });
  const { untilFresh } = await watched(specOf(root));
  const deep = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`n${i % 6}/m${i % 10}/deep/er/f${i}`, `${i}`]));
  await write(root, deep);
  await untilFresh();
  await appendFile(join(root, "n5/m9/deep/er/f59"), "more");
  await untilFresh();
  await rm(join(root, "n5"), { recursive: true });
  expect(pathsOf(await untilFresh())).not.toContain("n5");
});

test("changed ignore rules apply, also for folders that were not watched before", async () => {
  const root = await tempFolder();
  await write(root, { ".gitignore": "out/\n", "out/deep/x": "1", "src/a": "1" });
  const spec = specOf(root, { ignoreFiles: [".gitignore"] });
  const { untilFresh, source } = await watched(spec);
  expect(pathsOf(source.current)).toEqual([".gitignore", "src", "src/a"]);
  await writeFile(join(root, ".gitignore"), "");
  await untilFresh();
  expect(pathsOf(source.current)).toContain("out/deep/x");
  await expect
    .poll(
      async () => {
        await appendFile(join(root, "out/deep/x"), "more");
        await setImmediate();
        return listing(source.current);
      },
      { timeout: 10_000, interval: 200 },
    )
    .toEqual(expect.objectContaining({ "out/deep/x": expect.not.stringContaining("6b86b273ff34") }));
  await write(root, { "src/.gitignore": "a\n" });
  await untilFresh();
  expect(pathsOf(source.current)).not.toContain("src/a");
});

test("a change of an ignored file emits no state", async () => {
  const root = await tempFolder();
  await write(root, { a: "1", "x.log": "" });
  const { states, source, untilFresh } = await watched(specOf(root, { ignore: ["*.log"] }));
  await source.rescan();
  const before = states.length;
  await appendFile(join(root, "x.log"), "line");
  await writeFile(join(root, "a"), "2");
  await untilFresh();
  await source.rescan();
  expect(states).toHaveLength(before + 1);
});

test("a source ends with its signal, and its promises settle", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  const stop = new AbortController();
  const states: unknown[] = [];
  const source = createSource(specOf(root), { signal: stop.signal, onState: (state) => states.push(state) });
  await source.ready;
  stop.abort(new Error("done"));
  await expect(source.rescan()).rejects.toThrow("done");
  await source[Symbol.asyncDispose]();
  await source[Symbol.asyncDispose]();
  await writeFile(join(root, "a"), "2");
  expect(states).toHaveLength(1);
  const late = createSource(specOf(root), { signal: stop.signal, onState: () => undefined });
  await expect(late.ready).rejects.toThrow("done");
  await late[Symbol.asyncDispose]();
});

test("two sources of one folder do not disturb each other", async () => {
  const root = await tempFolder();
  await write(root, { "x/a": "1" });
  const one = await watched(specOf(root));
  const other = await watched(specOf(join(root, "x")));
  await writeFile(join(root, "x/a"), "2");
  await Promise.all([one.untilFresh(), other.untilFresh()]);
  await other.source[Symbol.asyncDispose]();
  await mkdir(join(root, "x/y"));
  await writeFile(join(root, "x/y/b"), "3");
  expect(pathsOf(await one.untilFresh())).toEqual(["x", "x/a", "x/y", "x/y/b"]);
});
