import { execFileSync } from "node:child_process";
import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { CONFIG_FILES } from "@kinsync/core/config";
import { createFolder, failure } from "./support/folder.ts";

const WORKLOADS = { workloads: [{ workload: "pod/x", sync: [{ from: "src", to: "/app" }] }] };

function contentOf(name: string): string {
  const json = JSON.stringify(WORKLOADS);
  if (name === "package.json") return JSON.stringify({ name: "mine", kinsync: WORKLOADS });
  return /\.[mc]?[jt]s$/.test(name) ? `export default ${json};` : json;
}

test.each(CONFIG_FILES)("%s is found", async (name) => {
  await using folder = await createFolder({ [name]: contentOf(name) });
  const loaded = await folder.load();
  expect(loaded).toMatchObject({ path: join(folder.path, name), folder: folder.path, file: name });
  expect(await folder.check()).toEqual(WORKLOADS);
});

test("a TypeScript config with types and defineConfig runs as it is", async () => {
  await using folder = await createFolder({
    "kinsync.config.ts":
      `interface Mapping { from: string; to: string }\nconst sync: Mapping[] = [{ from: "src", to: "/app" }];\n` +
      `export default { workloads: [{ workload: "pod/x", sync }] } satisfies object;`,
  });
  expect(await folder.check()).toEqual(WORKLOADS);
});

test("without any config there is none, and that is no error", async () => {
  await using folder = await createFolder({ "package.json": '{ "name": "mine" }' });
  expect(await folder.load()).toBeUndefined();
});

test("a config in a folder above is found, up to the one with .git", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": "workloads: []",
    "repo/.git/HEAD": "",
    "repo/a/b/keep": "",
    "repo2/.git/HEAD": "",
    "repo2/kinsync.config.yaml": "workloads: []",
    "repo2/a/keep": "",
  });
  const cwd = join(folder.path, "repo/a/b");
  expect(await folder.load({ cwd })).toBeUndefined();
  const below = join(folder.path, "repo2/a");
  expect(await folder.load({ cwd: below })).toMatchObject({ folder: join(folder.path, "repo2") });
});

test("the search ends at the home folder", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": "workloads: []", "home/ada/work/keep": "" });
  const home = join(folder.path, "home/ada");
  expect(await folder.load({ cwd: join(home, "work"), home })).toBeUndefined();
  expect(await folder.load({ cwd: join(home, "work"), home: folder.path })).toBeDefined();
});

test("outside of home and of any repository only the working directory counts", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": "workloads: []", "a/keep": "" });
  expect(await folder.load({ cwd: join(folder.path, "a"), home: "/home/nobody-there" })).toBeUndefined();
});

test("a named file is taken, wherever it is", async () => {
  await using folder = await createFolder({ "elsewhere/mine.yaml": JSON.stringify(WORKLOADS) });
  const loaded = await folder.load({ file: "elsewhere/mine.yaml" });
  expect(loaded).toMatchObject({ folder: join(folder.path, "elsewhere"), file: join("elsewhere", "mine.yaml") });
});

test("a named file that is not there is named", async () => {
  await using folder = await createFolder();
  const error = await failure(folder.load({ file: "nope.yaml" }));
  expect(error).toMatchObject({ code: "KINSYNC_CONFIG_NOT_FOUND", message: "There is no config file nope.yaml" });
});

test("two config files beside each other are refused", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": "workloads: []", ".kinsyncrc": "workloads: []" });
  const error = await failure(folder.load());
  expect(error.code).toBe("KINSYNC_CONFIG_CONFLICT");
  expect(error.message).toBe("Two config files are beside each other: kinsync.config.yaml and .kinsyncrc");
});

test("a package.json of another use beside a config is no second config", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": "workloads: []", "package.json": "{}" });
  expect(await folder.load()).toMatchObject({ file: "kinsync.config.yaml" });
});

const uid = process.getuid?.();

test.skipIf(uid === undefined)("a file of another user is refused before it is run", async () => {
  await using folder = await createFolder({
    "kinsync.config.mjs": `globalThis.ranForeignConfig = true; export default { workloads: [] };`,
  });
  // Seen from somebody else: the file's owner is neither that user nor root.
  const owner = uid === 0 ? 4321 : (uid ?? 0);
  if (uid === 0) await chown(join(folder.path, "kinsync.config.mjs"), owner, -1);
  const error = await failure(folder.load({ uid: owner + 1 }));
  expect(error.code).toBe("KINSYNC_CONFIG_FOREIGN");
  expect(error.message).toContain(`belongs to another user (uid ${owner}, you are ${owner + 1})`);
  expect("ranForeignConfig" in globalThis).toBe(false);
});

test("a config that is no regular file is refused, not read", async () => {
  await using folder = await createFolder();
  execFileSync("mkfifo", [join(folder.path, "kinsync.config.yaml")]);
  const error = await failure(folder.load());
  expect(error).toMatchObject({
    code: "KINSYNC_CONFIG_PARSE",
    message: "kinsync.config.yaml cannot be read: it is not a regular file",
  });
});

test("no other file than the config is run or merged", async () => {
  await using folder = await createFolder({
    "package.json": "{}",
    ".config/config.js": "globalThis.ranOtherConfig = true;",
    "kinsync.config.yaml": "$import: other.yaml\nworkloads: []\n",
    "other.yaml": "contexts: [prod]\n",
  });
  vi.spyOn(process, "cwd").mockReturnValue(folder.path);
  const error = await failure(folder.check());
  expect("ranOtherConfig" in globalThis).toBe(false);
  expect(error.message).toContain('the key "$import" is not known');
});

test("a file of nothing but comments is an empty config", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": "# later\n" });
  expect(await folder.load()).toMatchObject({ value: {} });
});

test("a folder that has the name of a config is said to be unreadable", async () => {
  await using folder = await createFolder();
  await mkdir(join(folder.path, "kinsync.config.yaml"));
  const error = await failure(folder.load());
  expect(error.code).toBe("KINSYNC_CONFIG_PARSE");
  expect(error.message).toContain("kinsync.config.yaml cannot be read");
});

test("the user's global folder of cosmiconfig is neither read nor run", async () => {
  await using folder = await createFolder({
    "package.json": "{}",
    "config/kinsync/config.js": "globalThis.ranGlobalConfig = true; export default { workloads: [] };",
  });
  vi.stubEnv("XDG_CONFIG_HOME", join(folder.path, "config"));
  expect(await folder.load()).toBeUndefined();
  expect("ranGlobalConfig" in globalThis).toBe(false);
});

test.each([
  ["package.json", '{ "cosmiconfig": { "searchPlaces": ["other.json"] } }'],
  [".config/config.json", "{"],
  [".config/config.mjs", 'throw new Error("ran")'],
])("%s of the working directory does not change the search", async (name, text) => {
  await using folder = await createFolder({
    [name]: text,
    "kinsync.config.yaml": JSON.stringify(WORKLOADS),
    "other.json": '{ "workloads": [] }',
  });
  vi.spyOn(process, "cwd").mockReturnValue(folder.path);
  expect(await folder.check()).toEqual(WORKLOADS);
});

test("a package.json without the key is passed by on the way up", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": JSON.stringify(WORKLOADS),
    "a/package.json": "{}",
    "a/b/package.json": "{}",
  });
  const loaded = await folder.load({ cwd: join(folder.path, "a/b") });
  expect(loaded).toMatchObject({ folder: folder.path });
});

test.each([
  ["with conflict markers", '{\n<<<<<<< HEAD\n  "name": "a"\n=======\n  "name": "b"\n>>>>>>> branch\n}\n'],
  ["without a byte", ""],
])("a package.json %s holds no config", async (_, text) => {
  await using folder = await createFolder({ "package.json": text });
  expect(await folder.load()).toBeUndefined();
});

test("a config and a package.json with the key beside each other are refused", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": JSON.stringify(WORKLOADS),
    "package.json": JSON.stringify({ kinsync: WORKLOADS }),
  });
  const error = await failure(folder.load());
  expect(error.message).toBe("Two config files are beside each other: kinsync.config.yaml and package.json");
});

test("an empty file is an empty config", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": "" });
  expect(await folder.load()).toMatchObject({ value: {}, file: "kinsync.config.yaml" });
});

test("a TypeScript config names the local files that it imports, and a later edition runs all of them again", async () => {
  await using folder = await createFolder({
    "package.json": '{ "type": "module" }',
    "kinsync.config.ts": 'import { context } from "./settings.ts";\nexport default { context, workloads: [] };\n',
    "settings.ts": 'export const context: string = "one";\n',
  });
  const script = `
    import { writeFileSync } from "node:fs";
    import { loadConfig } from ${JSON.stringify(new URL("../../src/config/index.ts", import.meta.url).href)};
    const options = { cwd: ${JSON.stringify(folder.path)}, home: ${JSON.stringify(folder.path)}, signal: AbortSignal.timeout(20_000) };
    const first = await loadConfig(options);
    writeFileSync(${JSON.stringify(join(folder.path, "settings.ts"))}, 'export const context: string = "two";');
    const second = await loadConfig({ ...options, edition: 1 });
    console.log(JSON.stringify([first, second].map(({ value, files }) => [value.context, files])));`;
  const args = ["--conditions=kinsync:source", "--input-type=module", "-e", script];
  const stdout = execFileSync(process.execPath, args, { encoding: "utf8" });
  const files = ["kinsync.config.ts", "settings.ts"].map((name) => join(folder.path, name));
  expect(JSON.parse(stdout)).toEqual([
    ["one", files],
    ["two", files],
  ]);
});

test("a broken package.json on the way up is a note, and the config above it counts", async () => {
  const broken = '<<<<<<< HEAD\n{ "devDependencies": { "kinsync": "^1.0.0" } }\n';
  await using folder = await createFolder({
    "kinsync.config.yaml": JSON.stringify(WORKLOADS),
    "a/package.json": broken,
    "b/package.json": broken,
    "b/.git/HEAD": "",
  });
  const notes: string[] = [];
  const onNote = (note: string): unknown => notes.push(note);
  const loaded = await folder.load({ cwd: join(folder.path, "a"), onNote });
  expect(loaded).toMatchObject({ folder: folder.path });
  expect(await folder.load({ cwd: join(folder.path, "b"), onNote })).toBeUndefined();
  const note = "package.json is not valid JSON; it is taken for one without a config";
  expect(notes).toEqual([note, note]);
});

test.skipIf(uid === undefined)("data of another user is read if it is named, and code is not", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": JSON.stringify(WORKLOADS),
    "theirs.mjs": "globalThis.ranNamedForeignConfig = true; export default { workloads: [] };",
  });
  const owner = uid === 0 ? 4321 : (uid ?? 0);
  for (const name of ["kinsync.config.yaml", "theirs.mjs"]) {
    if (uid === 0) await chown(join(folder.path, name), owner, -1);
  }
  const error = await failure(folder.load({ uid: owner + 1 }));
  expect(error.hint).toContain("name it (--config kinsync.config.yaml), or make it yours: chown");
  expect(await folder.load({ uid: owner + 1, file: "kinsync.config.yaml" })).toMatchObject({ value: WORKLOADS });
  expect((await failure(folder.load({ uid: owner + 1, file: "theirs.mjs" }))).code).toBe("KINSYNC_CONFIG_FOREIGN");
  expect("ranNamedForeignConfig" in globalThis).toBe(false);
});
