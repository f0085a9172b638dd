import assert from "node:assert/strict";
import { posix } from "node:path";
import type { RootSpec } from "../../contract/batch.ts";
import { createBatch, type BatchPath } from "./create-batch.ts";
import { expectError } from "./fixture.ts";
import type { Requirement } from "./requirement.ts";

/** Names that a shell, a line format or a tool's option parser could misread. */
const UNUSUAL_NAMES = [
  "with space",
  "quote'\"",
  "-dash",
  "dollar$HOME`x`",
  "star*?[a]",
  "back\\slash",
  "ümläut",
  "日本",
  "new\nline",
  "a;b&c|d",
  " lead",
  "trail ",
  "#hash",
  "~tilde",
  "x".repeat(200),
];

/** What a batch does to files, folders, links and modes below the mapped root. */
export const fileRequirements: readonly Requirement[] = [
  {
    name: "files arrive with their bytes",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const large = Buffer.alloc(300_000, "0123456789abcdef\n").toString();
      await fixture.apply(session, [
        { file: "a.txt", bytes: "alpha\n" },
        { file: "large.bin", bytes: large },
        { file: "empty", bytes: "" },
      ]);
      await fixture.expectFile("a.txt", "alpha\n");
      await fixture.expectFile("large.bin", large);
      await fixture.expectFile("empty", "");
    },
  },
  {
    name: "files are visible when the receipt arrives",
    needs: ["acknowledges: seen"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      for (const bytes of ["one", "two"]) {
        const batch = await fixture.batch([
          { file: "f", bytes, ...(bytes === "one" ? {} : { replaces: "file" as const }) },
        ]);
        await session.commit(session.stage(batch, fixture.options), fixture.options);
        await fixture.expectFile("f", bytes);
      }
    },
  },
  {
    name: "folders arrive with their content",
    needs: ["folders"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { directory: "pkg" },
        { file: "pkg/a.txt", bytes: "alpha\n" },
        { directory: "pkg/deep" },
        { file: "pkg/deep/b.txt", bytes: "beta\n" },
        { directory: "pkg/empty" },
      ]);
      await fixture.expectFile("pkg/a.txt", "alpha\n");
      await fixture.expectFile("pkg/deep/b.txt", "beta\n");
      assert.equal((await fixture.status("pkg/empty"))?.type, "directory");
    },
  },
  {
    name: "links arrive with their targets",
    needs: ["links"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { file: "a", bytes: "alpha" },
        { link: "l", target: "a" },
      ]);
      assert.equal((await fixture.status("l"))?.target, "a");
    },
  },
  {
    name: "files and folders arrive with their modes",
    needs: ["folders", "modes"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { directory: "pkg" },
        { file: "pkg/run.sh", bytes: "#!/bin/sh\n", mode: 0o755 },
        { file: "secret", bytes: "s", mode: 0o600 },
        { directory: "private", mode: 0o700 },
      ]);
      await fixture.expectFile("pkg/run.sh", "#!/bin/sh\n", 0o755);
      await fixture.expectFile("secret", "s", 0o600);
      assert.equal((await fixture.status("pkg"))?.mode, 0o755);
      assert.equal((await fixture.status("private"))?.mode, 0o700);
    },
  },
  {
    name: "a change of mode leaves the bytes",
    needs: ["folders", "modes"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ directory: "d" }, { file: "d/f", bytes: "x" }]);
      await fixture.apply(session, [
        { chmod: "d/f", mode: 0o755 },
        { chmod: "d", mode: 0o700 },
      ]);
      await fixture.expectFile("d/f", "x", 0o755);
      assert.equal((await fixture.status("d"))?.mode, 0o700);
    },
  },
  {
    name: "files with unusual names arrive under these names",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const inFolder = fixture.capabilities.folders ? ["dir 'q'/in side"] : [];
      const folder: readonly BatchPath[] = inFolder.length === 0 ? [] : [{ directory: "dir 'q'" }];
      const names = [...UNUSUAL_NAMES, ...inFolder];
      await fixture.apply(session, [...folder, ...names.map((name) => ({ file: name, bytes: `1 ${name}` }))]);
      for (const name of names) await fixture.expectFile(name, `1 ${name}`);
      await fixture.apply(
        session,
        names.map((name) => ({ file: name, bytes: `2 ${name}`, replaces: "file" }) as const),
      );
      for (const name of names) await fixture.expectFile(name, `2 ${name}`);
      const inventory = await session.inventory(fixture.root, { paths: names, ...fixture.options });
      for (const { path } of inventory.entries) assert.ok([...names, "dir 'q'"].includes(path), path);
      // A transport may leave out a name that one line cannot hold: kinsync then sends the file again.
      assert.ok(inventory.entries.length >= names.length - 1, "the inventory misses files");
      if (!fixture.capabilities.deletes) return;
      await fixture.apply(
        session,
        names.map((name) => ({ remove: name })),
      );
      for (const name of names) await fixture.expectMissing(name);
    },
  },
  {
    name: "deletes remove files and links, ignore missing paths, and leave everything else",
    needs: ["deletes"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const link = fixture.capabilities.links ? [{ link: "l", target: "nowhere" }] : [];
      await fixture.apply(session, [{ file: "mine", bytes: "1" }, { file: "other", bytes: "2" }, ...link]);
      await fixture.environment.writeFile(fixture.at("foreign"), "theirs");
      const deletes = ["mine", "never-existed", ...(link.length === 0 ? [] : ["l"])];
      const receipt = await fixture.apply(
        session,
        deletes.map((path) => ({ remove: path })),
      );
      assert.equal(receipt.count, deletes.length);
      for (const path of deletes) await fixture.expectMissing(path);
      await fixture.expectFile("other", "2");
      await fixture.expectFile("foreign", "theirs");
    },
  },
  {
    name: "a delete removes an empty folder and keeps one with other content",
    needs: ["deletes", "folders"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { directory: "d" },
        { file: "d/mine", bytes: "1" },
        { directory: "e" },
        { file: "e/mine", bytes: "1" },
      ]);
      await fixture.environment.writeFile(fixture.at("d/foreign"), "theirs");
      const receipt = await fixture.apply(session, [
        { remove: "d/mine" },
        { remove: "d", type: "directory" },
        { remove: "e/mine" },
        { remove: "e", type: "directory" },
        { remove: "gone/too" },
      ]);
      assert.equal(receipt.count, 5);
      await fixture.expectMissing("d/mine");
      await fixture.expectMissing("e");
      await fixture.expectFile("d/foreign", "theirs");
    },
  },
  {
    name: "a path changes its type where the batch says so",
    needs: ["folders", "links", "deletes"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { file: "a", bytes: "file" },
        { directory: "b" },
        { file: "b/x", bytes: "x" },
        { link: "c", target: "a" },
        { file: "d", bytes: "d" },
      ]);
      await fixture.apply(session, [
        { remove: "b/x" },
        { directory: "a", replaces: "file" },
        { file: "a/in", bytes: "in" },
        { file: "b", bytes: "now a file", replaces: "directory" },
        { file: "c", bytes: "no link", replaces: "link" },
        { link: "d", target: "c", replaces: "file" },
      ]);
      await fixture.expectFile("a/in", "in");
      await fixture.expectFile("b", "now a file");
      await fixture.expectFile("c", "no link");
      assert.equal((await fixture.status("d"))?.target, "c");
    },
  },
  {
    name: "a folder with foreign content is not replaced by a file, and nothing else of the batch changes",
    needs: ["folders", "deletes"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [
        { directory: "b" },
        { file: "b/mine", bytes: "x" },
        { file: "other", bytes: "old" },
      ]);
      await fixture.environment.writeFile(fixture.at("b/foreign"), "theirs");
      await expectError(
        "KINSYNC_TARGET_FOREIGN",
        fixture.apply(session, [
          { remove: "b/mine" },
          { file: "other", bytes: "new", replaces: "file" },
          { file: "b", bytes: "f", replaces: "directory" },
        ]),
      );
      await fixture.expectFile("b/foreign", "theirs");
      await fixture.expectFile("b/mine", "x");
      await fixture.expectFile("other", "old");
    },
  },
  {
    // Python and make compare modification times in whole seconds, together with the size.
    name: "a new version of the same size is at least one second newer",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "m.py", bytes: "print(1)" }]);
      for (const digit of ["2", "3", "4"]) {
        const before = await fixture.status("m.py");
        await fixture.apply(session, [{ file: "m.py", bytes: `print(${digit})`, replaces: "file" }]);
        const after = await fixture.status("m.py");
        assert.ok((after?.mtime ?? 0) >= (before?.mtime ?? 0) + 1000, `${before?.mtime} -> ${after?.mtime}`);
      }
    },
  },
  {
    name: "a single file that is mapped in place gets its new bytes",
    needs: ["inPlace"],
    async check(fixture) {
      const folder = posix.dirname(fixture.root.path);
      const path = posix.join(folder, "single.conf");
      await fixture.environment.writeFile(path, "old");
      const root: RootSpec = { path: folder, shape: "file", key: "single", inPlace: true };
      const session = await fixture.open();
      await fixture.claim(session, root);
      const batch = await createBatch(root, [{ file: "single.conf", bytes: "new", replaces: "file" }]);
      await fixture.deliver(session, batch);
      assert.equal(Buffer.from(await fixture.environment.readFile(path)).toString(), "new");
    },
  },
];
