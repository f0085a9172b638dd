import { createHash } from "node:crypto";
import { chmod, link, mkdir, rename, rm, symlink, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Scanner } from "../../../src/local/scan/scanner.ts";
import { freshScan, listing, pathsOf, specOf, tempFolder, write } from "../support/fixture.ts";

const signal = AbortSignal.timeout(600_000);
const isLinux = process.platform === "linux";

function sha256(text: string | Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}

test("a folder becomes files with mode, size and digest, folders, and links that are not followed", async () => {
  const root = await tempFolder();
  await write(root, { "a.txt": "hello", "bin/run": "#!/bin/sh\n", "empty/": "" });
  await chmod(join(root, "a.txt"), 0o640);
  await chmod(join(root, "bin/run"), 0o755);
  await chmod(join(root, "empty"), 0o700);
  await chmod(join(root, "bin"), 0o755);
  await symlink("../a.txt", join(root, "bin/link"));
  await symlink("/nowhere at all", join(root, "dangling"));
  await symlink(".", join(root, "loop"));
  const state = await freshScan(specOf(root));
  expect(state.state).toBe("present");
  if (state.state !== "present") return;
  expect([...state.tree.entries.values()]).toEqual([
    { type: "file", path: "a.txt", mode: 0o640, size: 5, digest: sha256("hello") },
    { type: "directory", path: "bin", mode: 0o755 },
    { type: "link", path: "bin/link", target: "../a.txt" },
    { type: "file", path: "bin/run", mode: 0o755, size: 10, digest: sha256("#!/bin/sh\n") },
    { type: "link", path: "dangling", target: "/nowhere at all" },
    { type: "directory", path: "empty", mode: 0o700 },
    { type: "link", path: "loop", target: "." },
  ]);
  expect(state.tree).toMatchObject({ shape: "directory", files: 2, bytes: 15 });
});

test("unusual names are kept", async () => {
  const root = await tempFolder();
  const names = [
    " ",
    "-rf",
    "a\nb",
    "tab\t",
    "quote'\"",
    "grüße-日本-😀",
    "back\\slash",
    "x".repeat(255),
    "..x",
    "\ufffd",
    "#a",
    "!b",
  ];
  await write(root, Object.fromEntries(names.map((name) => [name, name])));
  expect(new Set(pathsOf(await freshScan(specOf(root))))).toEqual(new Set(names));
});

test.runIf(isLinux)("a name that is not UTF-8 is a problem, and the other files are present", async () => {
  const root = await tempFolder();
  await write(root, { "good.txt": "x" });
  await writeFile(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xfe])]), "x");
  const state = await freshScan(specOf(root));
  expect(pathsOf(state)).toEqual(["good.txt"]);
  expect(state).toMatchObject({
    problems: [{ code: "KINSYNC_SOURCE_UNREADABLE", details: { path: "bad-\ufffd\ufffd" } }],
  });
});

test.runIf(isLinux)("a socket is left out with a note", async () => {
  const root = await tempFolder();
  await write(root, { "good.txt": "x" });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(root, "socket"), resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const state = await freshScan(specOf(root));
  expect(pathsOf(state)).toEqual(["good.txt"]);
  expect(state).toMatchObject({ problems: [{ message: `${join(root, "socket")} is left out: it is a socket` }] });
});

test.runIf(isLinux)(
  "paths without read permission are problems, are not deleted, and return with the permission",
  async () => {
    const root = await tempFolder();
    await write(root, { "good.txt": "x", "secret.txt": "y", "closed/in.txt": "z" });
    const scanner = new Scanner(specOf(root));
    await scanner.scan(signal);
    await chmod(join(root, "secret.txt"), 0o000);
    await chmod(join(root, "closed"), 0o000);
    await chmod(root, 0o755);
    // Root can read everything, so another user scans.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    onTestFinished(() => {
      if (isRoot) process.seteuid?.(0);
    });
    const state = await scanner.scan(signal);
    if (isRoot) process.seteuid?.(0);
    expect(pathsOf(state)).toEqual(["closed", "good.txt"]);
    if (state.state !== "present") return;
    expect(state.problems.map((problem) => problem.details["path"])).toEqual(["closed", "secret.txt"]);
    expect(state.problems[1]?.message).toBe(`${join(root, "secret.txt")} is left out: permission denied`);
    expect(state.isIgnored("secret.txt", false)).toBe(true);
    expect(state.isIgnored("closed/in.txt", false)).toBe(true);
    expect(state.isIgnored("good.txt", false)).toBe(false);
    await chmod(join(root, "secret.txt"), 0o644);
    await chmod(join(root, "closed"), 0o755);
    const after = await scanner.scan(signal);
    expect(pathsOf(after)).toEqual(["closed", "closed/in.txt", "good.txt", "secret.txt"]);
    expect(after).toMatchObject({ problems: [] });
  },
);

test("a large file is read in pieces to the same digest", async () => {
  const root = await tempFolder();
  const bytes = Buffer.alloc(3 * 1024 * 1024 + 17, "kinsync");
  await writeFile(join(root, "large"), bytes);
  await writeFile(join(root, "edge"), bytes.subarray(0, 256 * 1024));
  await writeFile(join(root, "over"), bytes.subarray(0, 256 * 1024 + 1));
  const state = await freshScan(specOf(root));
  expect(listing(state)).toMatchObject({
    large: expect.stringContaining(sha256(bytes).slice(0, 12)),
    edge: expect.stringContaining(sha256(bytes.subarray(0, 256 * 1024)).slice(0, 12)),
    over: expect.stringContaining(sha256(bytes.subarray(0, 256 * 1024 + 1)).slice(0, 12)),
  });
});

test("a change with the same size and a restored time is found", async () => {
  const root = await tempFolder();
  await write(root, { f: "one" });
  const old = new Date(Date.now() - 3_600_000);
  await utimes(join(root, "f"), old, old);
  const scanner = new Scanner(specOf(root));
  const before = listing(await scanner.scan(signal));
  await writeFile(join(root, "f"), "two");
  await utimes(join(root, "f"), old, old);
  const after = await scanner.scan(signal);
  expect(listing(after)).not.toEqual(before);
  expect(listing(after)).toEqual(listing(await freshScan(specOf(root))));
});

test("two writes within one tick of the clock are both found", async () => {
  const root = await tempFolder();
  const scanner = new Scanner(specOf(root));
  await write(root, { f: "0000" });
  await scanner.scan(signal);
  for (let i = 1; i < 200; i++) {
    await writeFile(join(root, "f"), String(i).padStart(4, "0"));
    const state = await scanner.refresh(["f"], signal);
    expect(listing(state)).toEqual({ f: expect.stringContaining(sha256(String(i).padStart(4, "0")).slice(0, 12)) });
  }
});

test("the scan of a new path adds the folders above it and everything in them", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  const scanner = new Scanner(specOf(root));
  await scanner.scan(signal);
  await write(root, { "x/y/z/f": "1", "x/y/other": "2", "not-scanned": "3" });
  expect(pathsOf(await scanner.refresh(["x/y/z/f"], signal))).toEqual([
    "a",
    "x",
    "x/y",
    "x/y/other",
    "x/y/z",
    "x/y/z/f",
  ]);
});

test("file, folder and link replace each other", async () => {
  const root = await tempFolder();
  await write(root, { keep: "k", "p/in/deep": "1" });
  const scanner = new Scanner(specOf(root));
  await scanner.scan(signal);
  const isRight = async (): Promise<void> => {
    expect(listing(await scanner.refresh(["p"], signal))).toEqual(listing(await freshScan(specOf(root))));
  };
  await rm(join(root, "p"), { recursive: true });
  await writeFile(join(root, "p"), "file");
  await isRight();
  await unlink(join(root, "p"));
  await symlink("keep", join(root, "p"));
  await isRight();
  await unlink(join(root, "p"));
  await symlink("elsewhere", join(root, "p"));
  await isRight();
  await unlink(join(root, "p"));
  await write(root, { "p/q/r": "1" });
  await isRight();
});

test("ignored folders are not scanned, and changed rule files apply at once", async () => {
  const root = await tempFolder();
  await write(root, {
    ".gitignore": "out\n*.log\n",
    "a.log": "",
    "out/x": "",
    "src/.gitignore": "!b.log\ntmp/",
    "src/b.log": "",
    "src/tmp/x": "",
    "node_modules/m/i.js": "",
  });
  const scanner = new Scanner(specOf(root, { ignoreFiles: [".gitignore"] }));
  expect(pathsOf(await scanner.scan(signal))).toEqual([".gitignore", "src", "src/.gitignore", "src/b.log"]);
  await writeFile(join(root, ".gitignore"), "*.txt\n");
  expect(pathsOf(await scanner.refresh([".gitignore"], signal))).toEqual([
    ".gitignore",
    "a.log",
    "out",
    "out/x",
    "src",
    "src/.gitignore",
    "src/b.log",
  ]);
  await unlink(join(root, "src/.gitignore"));
  const state = await scanner.refresh(["src/.gitignore"], signal);
  expect(pathsOf(state)).toEqual([".gitignore", "a.log", "out", "out/x", "src", "src/b.log", "src/tmp", "src/tmp/x"]);
  expect(state.state === "present" && state.isIgnored("gone.txt", false)).toBe(true);
  expect(state.state === "present" && state.isIgnored("gone.log", false)).toBe(false);
});

test("a source is missing, empty or retyped", async () => {
  const folder = await tempFolder();
  const root = join(folder, "root");
  const scanner = new Scanner(specOf(root));
  expect(await scanner.scan(signal)).toEqual({ state: "missing" });
  await write(root, { "node_modules/x": "" });
  expect(await scanner.scan(signal)).toEqual({ state: "empty" });
  await write(root, { a: "" });
  expect(pathsOf(await scanner.scan(signal))).toEqual(["a"]);
  await rm(root, { recursive: true });
  await writeFile(root, "");
  expect(await scanner.scan(signal)).toEqual({ state: "retyped", was: "directory" });
  await rm(root);
  await write(root, { b: "" });
  expect(pathsOf(await scanner.scan(signal))).toEqual(["b"]);
});

test("a single file is the only entry, under its name in the container", async () => {
  const folder = await tempFolder();
  await write(folder, { "app.yaml": "v: 1" });
  await symlink("app.yaml", join(folder, "link.yaml"));
  const state = await freshScan(specOf(join(folder, "app.yaml"), { fileName: "config.yaml" }));
  expect(state).toMatchObject({ tree: { shape: "file", files: 1, bytes: 4 } });
  expect(pathsOf(state)).toEqual(["config.yaml"]);
  // The source itself may be named by a link.
  expect(listing(await freshScan(specOf(join(folder, "link.yaml"), { fileName: "config.yaml" })))).toEqual(
    listing(state),
  );
  expect(pathsOf(await freshScan(specOf(folder)))).toEqual(["app.yaml", "link.yaml"]);
});

test("an unchanged tree is the same object, and unchanged files are not read again", async () => {
  const root = await tempFolder();
  await write(root, { a: "1", "b/c": "2" });
  const old = new Date(Date.now() - 3_600_000);
  await utimes(join(root, "a"), old, old);
  await link(join(root, "a"), join(root, "hard"));
  const scanner = new Scanner(specOf(root));
  const first = await scanner.scan(signal);
  const second = await scanner.scan(signal);
  if (first.state !== "present" || second.state !== "present") throw new Error("not present");
  expect(second.tree).toBe(first.tree);
  expect(second.isIgnored).toBe(first.isIgnored);
  await rename(join(root, "b"), join(root, "d"));
  expect(pathsOf(await scanner.refresh(["b", "d"], signal))).toEqual(["a", "d", "d/c", "hard"]);
});

test("a scan ends with its signal's reason", async () => {
  const root = await tempFolder();
  await mkdir(join(root, "a"));
  await writeFile(join(root, "sparse"), "");
  await truncate(join(root, "sparse"), 1024 * 1024 * 1024);
  const stop = new AbortController();
  const scan = new Scanner(specOf(root)).scan(stop.signal);
  setImmediate(() => stop.abort(new Error("enough")));
  await expect(scan).rejects.toThrow("enough");
});
