import { execFile, execFileSync, spawnSync } from "node:child_process";
import { appendFile, chmod, mkdir, open, rename, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { FileEventsOptions } from "../../src/local/file-events.ts";
import { createSource } from "../../src/local/watcher.ts";
import { freshScan, listing, pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

const run = promisify(execFile);

/** No event ever comes: only scans find changes. */
const deaf = {
  openEvents: () => ({
    ready: Promise.resolve(),
    watched: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
};

test("a save in place is found", async () => {
  const root = await tempFolder();
  await write(root, { "src/a.py": "1" });
  const { source, untilFresh, states } = await watched(specOf(root));
  expect(listing(source.current)).toEqual(listing(await freshScan(specOf(root))));
  await writeFile(join(root, "src/a.py"), "2");
  await untilFresh();
  expect(states.length).toBeGreaterThan(1);
});

test("a save by vim changes one path only", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1", b: "" });
  const { untilFresh, states } = await watched(specOf(root));
  for (const text of ["2", "3", "4"]) {
    await writeFile(join(root, "4913"), "");
    await unlink(join(root, "4913"));
    await writeFile(join(root, ".a.py.swp"), "swap");
    await rename(join(root, "a.py"), join(root, "a.py~"));
    await writeFile(join(root, "a.py"), text);
    await unlink(join(root, "a.py~"));
    await untilFresh();
  }
  expect(new Set(states.flatMap((state) => pathsOf(state)))).toEqual(new Set(["a.py", "b"]));
});

test("a save by JetBrains is found, and its temporary files are not", async () => {
  const root = await tempFolder();
  await write(root, { "a.py": "1" });
  const { untilFresh, states } = await watched(specOf(root));
  for (const text of ["2", "3", "4"]) {
    await writeFile(join(root, "a.py___jb_tmp___"), text);
    await rename(join(root, "a.py"), join(root, "a.py___jb_old___"));
    await rename(join(root, "a.py___jb_tmp___"), join(root, "a.py"));
    await unlink(join(root, "a.py___jb_old___"));
    await untilFresh();
  }
  expect(new Set(states.flatMap((state) => pathsOf(state)))).toEqual(new Set(["a.py"]));
});

test("every rename over a file is found", async () => {
  const root = await tempFolder();
  await write(root, { "d/a.py": "0" });
  const { untilFresh } = await watched(specOf(root));
  for (let i = 1; i < 10; i++) {
    await writeFile(join(root, "d/.tmp"), String(i));
    await rename(join(root, "d/.tmp"), join(root, "d/a.py"));
    expect(pathsOf(await untilFresh())).toEqual(["d", "d/a.py"]);
  }
});

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

test("more than 5,000 changes at once lead to a full scan and a note", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  let opened: FileEventsOptions | undefined;
  const { source, untilNote, until } = await watched(specOf(root), {
    heartbeatMs: 600_000,
    openEvents: (options) => {
      opened = options;
      return deaf.openEvents();
    },
  });
  await source.rescan();
  await write(root, { silent: "2" });
  for (let i = 0; i < 6_000; i++) opened?.onEvent(join(root, `f${i}`));
  await untilNote("more than 5,000 changes at once");
  expect(pathsOf(await until((state) => pathsOf(state).includes("silent")))).toEqual(["a", "silent"]);
});

test("at the system's limit of watches a note names the limit, and files are scanned every second", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  const { untilNote, until, notes } = await watched(specOf(root), {
    heartbeatMs: 20,
    openEvents: (options) => {
      options.onError(Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" }));
      return deaf.openEvents();
    },
  });
  await untilNote("fs.inotify.max_user_watches");
  await writeFile(join(root, "b"), "without an event");
  await until((state) => pathsOf(state).includes("b"));
  expect(notes.filter((note) => note.includes("max_user_watches"))).toHaveLength(1);
});

test("changes without events are found by the regular full scan, and on request", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  const { source, until } = await watched(specOf(root), { ...deaf, heartbeatMs: 20, fullScanMs: 200 });
  await writeFile(join(root, "b"), "without an event");
  await until((state) => pathsOf(state).includes("b"));
  const quiet = await watched(specOf(root), deaf);
  await writeFile(join(root, "c"), "without an event");
  expect(pathsOf(await quiet.source.rescan())).toEqual(["a", "b", "c"]);
  expect(source).not.toBe(quiet.source);
});

test("a folder that the events left out is watched after a reopening", async () => {
  const root = await tempFolder();
  await write(root, { "known/a": "1" });
  const opened: FileEventsOptions[] = [];
  const { source, until } = await watched(specOf(root), {
    heartbeatMs: 600_000,
    openEvents: (options) => {
      opened.push(options);
      const folders = new Set([root, join(root, "known"), ...(opened.length > 1 ? [join(root, "lost")] : [])]);
      return { ...deaf.openEvents(), watched: () => folders };
    },
  });
  await write(root, { "lost/b": "2" });
  await source.rescan();
  await expect.poll(() => opened.length, { timeout: 10_000 }).toBe(2);
  await writeFile(join(root, "lost/c"), "3");
  opened[1]?.onEvent(join(root, "lost/c"));
  await until((state) => pathsOf(state).includes("lost/c"));
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

test("a single file that is deleted and created again is never missing", async () => {
  const folder = await tempFolder();
  await write(folder, { "app.yaml": "0", other: "" });
  const { states, untilFresh } = await watched(specOf(join(folder, "app.yaml")), { graceMs: 5_000 });
  for (let i = 1; i < 6; i++) {
    await unlink(join(folder, "app.yaml"));
    await setImmediate();
    await writeFile(join(folder, "app.yaml"), String(i));
    await untilFresh();
    await writeFile(join(folder, ".new"), `renamed ${i}`);
    await rename(join(folder, ".new"), join(folder, "app.yaml"));
    await untilFresh();
  }
  expect(new Set(states.map((state) => state.state))).toEqual(new Set(["present"]));
});

test.each(["folder", "single file"])(
  "in a %s, a file that is truncated and then written is never reported as empty",
  async (shape) => {
    const folder = await tempFolder();
    await write(folder, { "app.yaml": "0", other: "" });
    const spec = specOf(shape === "folder" ? folder : join(folder, "app.yaml"));
    const { states, source, untilFresh } = await watched(spec, { truncatedMs: 5_000 });
    for (let i = 1; i < 6; i++) {
      await truncate(join(folder, "app.yaml"));
      // Long enough for a scan of the truncated file.
      await delay(30);
      await writeFile(join(folder, "app.yaml"), String(i));
      await untilFresh();
    }
    const sizes = states.map((state) => {
      const entry =
        state.state === "present" ? state.tree.entries.get(shape === "folder" ? "app.yaml" : "mapped") : undefined;
      return entry?.type === "file" ? entry.size : undefined;
    });
    expect(sizes.length).toBeGreaterThan(4);
    expect(new Set(sizes)).toEqual(new Set([1]));
    expect(source.current?.state).toBe("present");
  },
);

test("a file that stays truncated is reported as empty, also while others are truncated", async () => {
  const folder = await tempFolder();
  const names = Array.from({ length: 30 }, (_, index) => `f${index}`);
  await write(folder, Object.fromEntries(names.map((name) => [name, "x"])));
  const { until } = await watched(specOf(folder));
  const first = until((state) => state.state === "present" && state.tree.bytes < names.length);
  for (const name of names) {
    await truncate(join(folder, name));
    await delay(20);
  }
  await first;
  await until((state) => state.state === "present" && state.tree.bytes === 0);
});

test("a single file that stays missing is reported, and is found again", async () => {
  const folder = await tempFolder();
  const file = join(folder, "conf/app.yaml");
  await write(folder, { "conf/app.yaml": "1" });
  const { until, untilFresh } = await watched(specOf(file), { graceMs: 300 });
  await unlink(file);
  await until((state) => state.state === "missing");
  await writeFile(file, "2");
  await untilFresh();
  await rm(join(folder, "conf"), { recursive: true });
  await until((state) => state.state === "missing");
  await write(folder, { "conf/app.yaml": "3" });
  await untilFresh();
  await writeFile(file, "4");
  expect(pathsOf(await untilFresh())).toEqual(["mapped"]);
});

test("a single file counts as missing only after the grace, also for a requested scan", async () => {
  const folder = await tempFolder();
  const file = join(folder, "app.yaml");
  await write(folder, { "app.yaml": "1" });
  const { source, states, until } = await watched(specOf(file), { graceMs: 700 });
  const removedAt = performance.now();
  await unlink(file);
  expect(pathsOf(await source.rescan())).toEqual(["mapped"]);
  expect(states.every((state) => state.state === "present")).toBe(true);
  await until((state) => state.state === "missing");
  expect(performance.now() - removedAt).toBeGreaterThan(690);
});

test("a folder that is removed is missing at once", async () => {
  const root = join(await tempFolder(), "root");
  await write(root, { a: "1" });
  const { source } = await watched(specOf(root), { graceMs: 600_000 });
  await rm(root, { recursive: true });
  expect(await source.rescan()).toEqual({ state: "missing" });
});

test("a file that is written all the time does not delay other files", async () => {
  const root = await tempFolder();
  await write(root, { noise: "", a: "1" });
  const { until } = await watched(specOf(root));
  const stop = new AbortController();
  const noise = (async () => {
    await using file = await open(join(root, "noise"), "a");
    while (!stop.signal.aborted) await file.write("more and more\n");
  })();
  const before = listing(await freshScan(specOf(root)));
  await writeFile(join(root, "a"), "2");
  const after = await until((state) => {
    const now = listing(state);
    return typeof now !== "string" && typeof before !== "string" && now["a"] !== before["a"];
  });
  stop.abort();
  await noise;
  expect(pathsOf(after)).toEqual(["a", "noise"]);
});

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
