import { execFile, execFileSync, spawnSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

const run = promisify(execFile);

/** Writes 5,000 files in 50 folders, in a process of its own as git would. */
const writeBranch = `
  const { mkdirSync, writeFileSync } = require("node:fs");
  const root = process.argv[1];
  for (let i = 0; i < 50; i++) mkdirSync(root + "/d" + i, { recursive: true });
  for (let i = 0; i < 5000; i++) writeFileSync(root + "/d" + (i % 50) + "/f" + i, root + i);
`;

test(
  "a burst of 5,000 files, as by a switch of branches, ends in the tree of a fresh scan",
  { timeout: 120_000 },
  async () => {
    const root = await tempFolder();
    await write(root, { "keep.txt": "" });
    await run(process.execPath, ["-e", writeBranch, join(root, "main")]);
    const { untilFresh, source } = await watched(specOf(root));
    await run(process.execPath, ["-e", writeBranch, join(root, "topic")]);
    await rm(join(root, "main"), { recursive: true });
    await untilFresh();
    expect(source.current).toMatchObject({ tree: { files: 5_001 } });
    await writeFile(join(root, "topic/d49/f99"), "watched");
    await untilFresh();
  },
);

const hasGit = spawnSync("git", ["--version"]).status === 0;

test.skipIf(!hasGit)("a switch of branches by git ends in the tree of a fresh scan", async () => {
  const root = await tempFolder();
  const git = (...args: string[]): void => {
    execFileSync("git", ["-C", root, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
      stdio: "ignore",
    });
  };
  git("init", "-q", "-b", "main");
  await write(
    root,
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`src/d${i % 20}/f${i}.py`, `main ${i}`])),
  );
  git("add", ".");
  git("commit", "-qm", "one");
  git("switch", "-qc", "topic");
  await rm(join(root, "src/d3"), { recursive: true });
  await write(
    root,
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`src/e${i % 20}/f${i % 50}.py`, `topic ${i}`])),
  );
  git("add", "-A");
  git("commit", "-qm", "two");
  const { untilFresh, source } = await watched(specOf(join(root, "src")));
  git("switch", "-q", "main");
  await untilFresh();
  git("switch", "-q", "topic");
  await untilFresh();
  expect(pathsOf(source.current)).not.toContain("d3");
});

test("changes while git holds its lock are one state, emitted when git releases it", async () => {
  const root = await tempFolder();
  await write(root, { ".git/HEAD": "ref: refs/heads/main\n", "src/a": "1", "src/b": "1" });
  const { untilFresh, states } = await watched(specOf(join(root, "src")));
  const before = states.length;
  await write(root, { ".git/index.lock": "" });
  await write(root, { "src/a": "2" });
  // Longer than the longest debounce without git.
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(states.length).toBe(before);
  await write(root, { "src/b": "2" });
  await rm(join(root, ".git/index.lock"));
  await untilFresh();
  expect(states.length).toBe(before + 1);
});
