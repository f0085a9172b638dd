import { rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

test("a root that is removed is missing, and is watched again when it is back", async () => {
  const folder = await tempFolder();
  const root = join(folder, "a/root");
  await write(root, { "src/a.py": "1" });
  const { until, untilFresh } = await watched(specOf(root));
  await rename(root, join(folder, "away"));
  await until((state) => state.state === "missing");
  await rename(join(folder, "away"), root);
  await untilFresh();
  await writeFile(join(root, "src/a.py"), "2");
  await untilFresh();
  await rm(join(folder, "a"), { recursive: true });
  await until((state) => state.state === "missing");
  await write(root, { "src/b.py": "3" });
  await untilFresh();
  await writeFile(join(root, "src/b.py"), "4");
  expect(pathsOf(await untilFresh())).toEqual(["src", "src/b.py"]);
});

test("a root without entries is empty, and a root that becomes a file is retyped", async () => {
  const folder = await tempFolder();
  const root = join(folder, "root");
  await write(root, { a: "1" });
  const { until, untilFresh } = await watched(specOf(root));
  await unlink(join(root, "a"));
  await until((state) => state.state === "empty");
  await write(root, { b: "2" });
  await untilFresh();
  await rm(root, { recursive: true });
  await writeFile(root, "");
  await until((state) => state.state === "retyped");
  await unlink(root);
  await write(root, { c: "3" });
  expect(pathsOf(await untilFresh())).toEqual(["c"]);
});

test("a source that is created later is found and watched", async () => {
  const folder = await tempFolder();
  const root = join(folder, "not/yet");
  const { source, untilFresh } = await watched(specOf(root));
  expect(await source.ready).toEqual({ state: "missing" });
  await write(root, { "x/y": "1" });
  await untilFresh();
  await writeFile(join(root, "x/y"), "2");
  await untilFresh();
});

test("a source that is named by a link follows the changed link", async () => {
  const folder = await tempFolder();
  await write(folder, { "one/a": "1", "two/b": "2" });
  await symlink("one", join(folder, "current"));
  const spec = specOf(join(folder, "current"));
  const { untilFresh, source } = await watched(spec);
  expect(pathsOf(source.current)).toEqual(["a"]);
  await symlink("two", join(folder, "next"));
  await rename(join(folder, "next"), join(folder, "current"));
  await untilFresh();
  await writeFile(join(folder, "two/b"), "3");
  await untilFresh();
});

test("a folder that is removed is missing at once", async () => {
  const root = join(await tempFolder(), "root");
  await write(root, { a: "1" });
  const { source } = await watched(specOf(root), { graceMs: 600_000 });
  await rm(root, { recursive: true });
  expect(await source.rescan()).toEqual({ state: "missing" });
});
