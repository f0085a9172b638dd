import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterCommit, aroundCommit, entriesOf, receiptFirst, type PlantedFault } from "./fault-parts.ts";

/** By requirement of the kit about files, folders, links and modes: one mistake that this requirement must find. */
export const FILE_FAULTS: Readonly<Record<string, PlantedFault>> = {
  "files arrive with their bytes": {
    fault: "the last byte of a large file is missing",
    ...afterCommit((batch, { at }) => {
      for (const { path, size } of entriesOf(batch, "file")) {
        if (size > 100_000) writeFileSync(at(path), readFileSync(at(path)).subarray(0, -1));
      }
    }),
  },
  "files are visible when the receipt arrives": { fault: "the receipt arrives before the files", ...receiptFirst() },
  "folders arrive with their content": {
    fault: "an empty folder is left out",
    ...afterCommit((_, { at }) => rmSync(at("pkg/empty"), { recursive: true, force: true })),
  },
  "links arrive with their targets": {
    fault: "the target of a link is rewritten",
    ...afterCommit((batch, { at }) => {
      for (const { path, target } of entriesOf(batch, "link")) {
        rmSync(at(path));
        symlinkSync(`./${target}`, at(path));
      }
    }),
  },
  "files and folders arrive with their modes": {
    fault: "every file has the mode 0644",
    ...afterCommit((batch, { at }) => {
      for (const { path } of entriesOf(batch, "file")) chmodSync(at(path), 0o644);
    }),
  },
  "a change of mode leaves the bytes": {
    fault: "a change of mode creates the file again",
    ...afterCommit((batch, { at }) => {
      for (const { path } of entriesOf(batch, "chmod")) {
        if (lstatSync(at(path)).isFile()) writeFileSync(at(path), "");
      }
    }),
  },
  "files with unusual names arrive under these names": {
    fault: "spaces around a name are lost",
    ...afterCommit((batch, { at }) => {
      for (const { path } of entriesOf(batch, "file")) {
        if (path !== path.trim()) renameSync(at(path), at(path.trim()));
      }
    }),
  },
  "deletes remove files and links, ignore missing paths, and leave everything else": {
    fault: "a batch with deletes also deletes a file that kinsync did not create",
    ...afterCommit((batch, { at }) => {
      if (entriesOf(batch, "delete").length > 0) rmSync(at("foreign"), { force: true });
    }),
  },
  "a delete removes an empty folder and keeps one with other content": {
    fault: "a folder is deleted with everything in it",
    ...afterCommit((batch, { at }) => {
      for (const { path, type } of entriesOf(batch, "delete")) {
        if (type === "directory") rmSync(at(path), { recursive: true, force: true });
      }
    }),
  },
  "a path changes its type where the batch says so": {
    fault: "a link does not replace a file",
    ...afterCommit((batch, { at }) => {
      for (const { path, replaces } of entriesOf(batch, "link")) {
        if (replaces !== "file") continue;
        rmSync(at(path));
        writeFileSync(at(path), "d");
      }
    }),
  },
  "a folder with foreign content is not replaced by a file, and nothing else of the batch changes": {
    fault: "a file replaces a folder with everything in it",
    ...aroundCommit(async (commit, batch, { at }) => {
      for (const { path, replaces } of entriesOf(batch, "file")) {
        if (replaces === "directory") rmSync(at(path), { recursive: true });
      }
      return commit();
    }),
  },
  "a link to a folder outside of the root is never followed": {
    fault: "an inventory reports files behind a link",
    session: (sound, { at }) => ({
      async inventory(root, options) {
        const inventory = await sound.inventory(root, options);
        const found = new Set(inventory.entries.map(({ path }) => path));
        const behind = options.paths.filter((path) => !found.has(path) && existsSync(at(path)));
        return {
          ...inventory,
          entries: [...inventory.entries, ...behind.map((path) => ({ type: "other", path }) as const)],
        };
      },
    }),
  },
  "a file replaces a link and is not written through it": {
    fault: "the bytes go to the target of the link, too",
    ...aroundCommit(async (commit, batch, { at }) => {
      const links = entriesOf(batch, "file").filter(({ replaces }) => replaces === "link");
      const targets = links.map(({ path }) => [path, resolve(dirname(at(path)), readlinkSync(at(path)))] as const);
      const receipt = await commit();
      for (const [path, target] of targets) writeFileSync(target, readFileSync(at(path)));
      return receipt;
    }),
  },
  "a new version of the same size is at least one second newer": {
    fault: "a new version keeps the modification time",
    ...aroundCommit(async (commit, batch, { at }) => {
      const files = entriesOf(batch, "file").map(({ path }) => at(path));
      const before = files.map((path) => [path, lstatSync(path, { throwIfNoEntry: false })?.mtime] as const);
      const receipt = await commit();
      for (const [path, time] of before) if (time !== undefined) utimesSync(path, time, time);
      return receipt;
    }),
  },
  "a single file that is mapped in place gets its new bytes": {
    fault: "the mapped file keeps its old bytes",
    ...afterCommit(({ root, entries }) => {
      if (root.inPlace !== true) return;
      for (const { path } of entries) writeFileSync(join(root.path, path), "old");
    }),
  },
};
