import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freshScan, pathsOf, specOf, tempFolder, watched, write } from "../support/fixture.ts";

test("folders and files named 4913 are data", async () => {
  const root = await tempFolder();
  await write(root, { "data/4912": "a", "data/4913": "b", "data/4914": "c", "runs/4913/log.txt": "d" });
  expect(pathsOf(await freshScan(specOf(root)))).toEqual([
    "data",
    "data/4912",
    "data/4913",
    "data/4914",
    "runs",
    "runs/4913",
    "runs/4913/log.txt",
  ]);
});

test("an empty file 4913 counts once it stays, and vim's probe never does", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1" });
  const { until, states } = await watched(specOf(root));
  await writeFile(join(root, "4913"), "");
  await rm(join(root, "4913"));
  await writeFile(join(root, "a.py"), "2");
  await until((state) => JSON.stringify(pathsOf(state)) === '["a.py"]');
  expect(states.some((state) => pathsOf(state).includes("4913"))).toBe(false);
  await writeFile(join(root, "4913"), "");
  await until(
    (state) => state.state === "present" && state.problems.some(({ code }) => code === "KINSYNC_SOURCE_CHANGED"),
  );
  expect(pathsOf(await until((state) => pathsOf(state).includes("4913")))).toEqual(["4913", "a.py"]);
});

test("a folder that becomes a virtual environment leaves the tree", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1", "env/lib/x.py": "" });
  const { until } = await watched(specOf(root));
  await until((state) => pathsOf(state).includes("env/lib/x.py"));
  await write(root, { "env/pyvenv.cfg": "home = /usr/bin\n" });
  expect(pathsOf(await until((state) => !pathsOf(state).includes("env")))).toEqual(["a.py"]);
});

test.skipIf(process.platform === "win32")("a pipe is left out with a note", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1" });
  execFileSync("mkfifo", [join(root, "queue")]);
  const state = await freshScan(specOf(root));
  expect(pathsOf(state)).toEqual(["a.py"]);
  expect(state).toMatchObject({ problems: [{ message: expect.stringContaining("it is a pipe") as string }] });
});
