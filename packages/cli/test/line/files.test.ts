import { chmod, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MappingConfig, WorkloadConfig } from "@kinsync/core/contract";
import { createPlayground, podManifest, readIn, untilRunning, type Playground } from "../support/playground.ts";
import { Line } from "./line.ts";

let playground: Playground;
let folder: string;

beforeEach(async () => {
  [playground, folder] = await Promise.all([createPlayground(), mkdtemp(join(tmpdir(), "kinsync-line-"))]);
  await mkdir(join(folder, "src"));
  await save("f.txt", "one");
  playground.apply(podManifest({ name: "app" }));
  await untilRunning(playground, "app");
});

afterEach(async () => {
  await Promise.all([playground.close(), rm(folder, { recursive: true, force: true })]);
});

async function save(path: string, content: string): Promise<void> {
  await mkdir(join(folder, "src", path, ".."), { recursive: true });
  await writeFile(join(folder, "src", path), content);
}

function mapped(mapping: Partial<MappingConfig> = {}, rest: Partial<WorkloadConfig> = {}): WorkloadConfig {
  return { workload: "pod/app", sync: [{ from: "src", to: "src", ...mapping }], ...rest };
}

function start(workload: WorkloadConfig = mapped()): Promise<Line> {
  return Line.start({ playground, folder, workload });
}

const inside = (path: string): string => playground.kubelet.pathOf("default", "app", "main", `/app/${path}`);
const read = (path: string): Promise<string | undefined> => readIn(playground, "app", path);

/** Settles when a path in the container has this content; `undefined`: it is not there. */
function untilRead(line: Line, path: string, content: string | undefined): Promise<void> {
  return line.untilTrue(`${path} has ${content}`, async () => (await read(path)) === content);
}

test("thousands of small files arrive, and a branch switch of most of them does", async () => {
  for (let index = 0; index < 2_000; index += 1) await save(`d${index % 40}/f${index}`, `content ${index}`);
  await using line = await start();
  await line.ready();
  expect(await read("src/d7/f1967")).toBe("content 1967");
  for (let index = 0; index < 2_000; index += 2) await save(`d${index % 40}/f${index}`, `other ${index}`);
  await rm(join(folder, "src", "d1"), { recursive: true });
  await untilRead(line, "src/d0/f1960", "other 1960");
  await untilRead(line, "src/d38/f1998", "other 1998");
  await untilRead(line, "src/d1/f1", undefined);
  await expect(stat(inside("src/d1"))).rejects.toThrow("ENOENT");
});

test("names with spaces, newlines, quotes, a leading dash, UTF-8 and 255 bytes arrive, change and go", async () => {
  const names = [
    "with space",
    "new\nline",
    'it\'s "quoted" $HOME `x`',
    "-rf",
    "ünï/cödé",
    "n".repeat(255),
    "a\\b",
    "*?[",
  ];
  for (const name of names) await save(name, `first ${name}`);
  await using line = await start();
  await line.ready();
  for (const name of names) expect(await read(`src/${name}`), name).toBe(`first ${name}`);
  for (const name of names) await save(name, `second ${name}`);
  for (const name of names) await untilRead(line, `src/${name}`, `second ${name}`);
  for (const name of names) await rm(join(folder, "src", name));
  for (const name of names) await untilRead(line, `src/${name}`, undefined);
  expect(await read("src/f.txt")).toBe("one");
});

test("the exec bit and links are carried as they are, and followed nowhere", async () => {
  await save("run.sh", "#!/bin/sh\n");
  await chmod(join(folder, "src", "run.sh"), 0o755);
  await symlink("f.txt", join(folder, "src", "relative"));
  await symlink("/nowhere/at/all", join(folder, "src", "dangling"));
  await using line = await start();
  await line.ready();
  expect((await stat(inside("src/run.sh"))).mode & 0o777).toBe(0o755);
  expect(await readlink(inside("src/relative"))).toBe("f.txt");
  expect(await readlink(inside("src/dangling"))).toBe("/nowhere/at/all");
  await chmod(join(folder, "src", "run.sh"), 0o644);
  await line.untilSynced(2, 1);
  expect((await stat(inside("src/run.sh"))).mode & 0o777).toBe(0o644);
});

test("a file becomes a folder, and a folder a file", async () => {
  await save("a", "file");
  await save("b/c", "inside");
  await using line = await start();
  await line.ready();
  await rm(join(folder, "src", "a"));
  await save("a/deep", "1");
  await rm(join(folder, "src", "b"), { recursive: true });
  await save("b", "2");
  await untilRead(line, "src/a/deep", "1");
  await untilRead(line, "src/b", "2");
});

test("what the image or the process put beside the files stays, whatever is deleted", async () => {
  await save("d/ours", "1");
  await using line = await start();
  await line.ready();
  await writeFile(inside("src/d/theirs"), "theirs");
  await writeFile(inside("src/cache.db"), "cache");
  await rm(join(folder, "src", "d"), { recursive: true });
  await untilRead(line, "src/d/ours", undefined);
  expect(await read("src/d/theirs")).toBe("theirs");
  expect(await read("src/cache.db")).toBe("cache");
});

test("what is ignored is not carried, and what becomes ignored is not deleted", async () => {
  await save("node_modules/x/index.js", "dependency");
  await save("debug.log", "log");
  await save("note.txt", "kept");
  await save(".gitignore", "*.log\n");
  await using line = await start(mapped({ ignoreFiles: [".gitignore"] }));
  await line.ready();
  expect(await read("src/node_modules/x/index.js")).toBeUndefined();
  expect(await read("src/debug.log")).toBeUndefined();
  await save(".gitignore", "*.log\nnote.txt\n");
  await untilRead(line, "src/.gitignore", "*.log\nnote.txt\n");
  expect(await read("src/note.txt")).toBe("kept");
});

test("of two nested mappings the more specific one has its folder to itself, at first and later", async () => {
  await save("conf/a", "of src");
  await mkdir(join(folder, "conf"));
  await writeFile(join(folder, "conf", "a"), "of conf");
  const sync = [
    { from: "src", to: "app" },
    { from: "conf", to: "app/conf" },
  ];
  await using line = await start({ workload: "pod/app", sync });
  await line.ready();
  expect(await read("app/conf/a")).toBe("of conf");
  await save("conf/a", "of src again");
  await save("f.txt", "two");
  await untilRead(line, "app/f.txt", "two");
  expect(await read("app/conf/a")).toBe("of conf");
  await rm(join(folder, "src", "conf"), { recursive: true });
  await save("f.txt", "three");
  await untilRead(line, "app/f.txt", "three");
  expect(await read("app/conf/a")).toBe("of conf");
});

test("a mapped single file survives an editor's delete and re-create, and a real delete goes through", async () => {
  await writeFile(join(folder, "config.yaml"), "v: 1");
  await using line = await start({ workload: "pod/app", sync: [{ from: "config.yaml", to: "etc/app.yaml" }] });
  await line.ready();
  expect(await read("etc/app.yaml")).toBe("v: 1");
  await rm(join(folder, "config.yaml"));
  await writeFile(join(folder, "config.yaml"), "v: 2");
  await untilRead(line, "etc/app.yaml", "v: 2");
  await writeFile(join(folder, "config.yaml~new"), "v: 3");
  await rename(join(folder, "config.yaml~new"), join(folder, "config.yaml"));
  await untilRead(line, "etc/app.yaml", "v: 3");
  await rm(join(folder, "config.yaml"));
  await untilRead(line, "etc/app.yaml", undefined);
});

test.each(["vanished", "became empty"])(
  "a mapped folder that %s halts, empties nothing, and goes on when it is back",
  async (how) => {
    await using line = await start();
    await line.ready();
    if (how === "vanished") await rename(join(folder, "src"), join(folder, "away"));
    else await rm(join(folder, "src", "f.txt"));
    await line.until("halted", (events) => events.some((event) => event.event === "halted"));
    expect(await read("src/f.txt")).toBe("one");
    if (how === "vanished") await rename(join(folder, "away"), join(folder, "src"));
    await save("f.txt", "back");
    await untilRead(line, "src/f.txt", "back");
    expect(line.events.some((event) => event.event === "resumed")).toBe(true);
  },
);

test("with --allow-empty an empty folder empties what was placed", async () => {
  await using line = await Line.start({ playground, folder, workload: mapped(), allowEmpty: true });
  await line.ready();
  await rm(join(folder, "src", "f.txt"));
  await untilRead(line, "src/f.txt", undefined);
});

test("a command runs after a save that touched its paths, with its output and exit code", async () => {
  const run = [{ when: ["*.txt"], command: "cat src/f.txt; exit 7" }];
  await using line = await start(mapped({}, { run }));
  await line.ready();
  await save("f.txt", "two");
  await line.until("two runs", (events) => events.filter((event) => event.event === "run").length >= 2);
  const last = line.events.findLast((event) => event.event === "run");
  expect(last).toMatchObject({ ok: false, exitCode: 7, output: "two" });
  const count = line.events.filter((event) => event.event === "run").length;
  await save("other.md", "x");
  await untilRead(line, "src/other.md", "x");
  expect(line.events.filter((event) => event.event === "run").length).toBe(count);
});

test("a 40 MiB file arrives whole", async () => {
  const content = "0123456789abcdef".repeat((40 * 1024 * 1024) / 16);
  await save("big.bin", content);
  await using line = await start();
  await line.ready();
  expect((await read("src/big.bin")) === content).toBe(true);
});

test("what an earlier run placed is deleted by the next one when it is gone from the tree, and nothing is sent twice", async () => {
  await save("old.txt", "old");
  const first = await start();
  await first.ready();
  await first.stop();
  await first[Symbol.asyncDispose]();
  await rm(join(folder, "src", "old.txt"));
  await using second = await start();
  await second.ready();
  expect(await read("src/old.txt")).toBeUndefined();
  expect(await read("src/f.txt")).toBe("one");
  const synced = second.events.find((event) => event.event === "synced");
  expect(synced).toMatchObject({ files: 0, deleted: 1, bytes: 0 });
});

test("a folder stays free of kinsync but for its one state directory", async () => {
  await using line = await start();
  await line.ready();
  for (const content of ["a", "b", "c"]) {
    await save("f.txt", content);
    await untilRead(line, "src/f.txt", content);
  }
  expect(await readdir(inside("src"))).toEqual(["f.txt"]);
  // Stages are folders that come and go; what stays is one marker and one manifest.
  const state = await readdir(inside(".kinsync"), { recursive: true, withFileTypes: true });
  const files = state.filter((entry) => entry.isFile()).map((entry) => entry.name);
  expect(files.toSorted((a, b) => a.localeCompare(b))).toEqual(["manifest", "marker"]);
});
