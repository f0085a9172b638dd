import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };

/** Where the new folder comes: in the root, in a folder that exists, and below folders that are new. */
const PARENTS: readonly (readonly [place: string, parent: string, folders: readonly BatchPath[]])[] = [
  ["the root", "", []],
  ["an existing folder", "there/", []],
  ["an existing folder deep below", "there/a/b/c/", []],
  ["a new folder of an existing folder", "there/x/y/", [{ directory: "there/x" }, { directory: "there/x/y" }]],
];

describe.each(MAKES)("the agent of a container with $name", (make) => {
  test.each(PARENTS)(
    "makes a new folder in %s, alone, after a file beside it, and in place of a file and a link",
    async (...place) => {
      const [, parent, folders] = place;
      await using world = await makeLocalEnvironment(make);
      const at = (path: string): string => join(world.folder, "root", path);
      mkdirSync(at("there/a/b/c"), { recursive: true });
      const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
      await using session = await world.transport.open(world.target, who);
      await session.claim(root, { snapshot: 0, tree: "", signal });
      const apply = async (paths: readonly BatchPath[]) =>
        session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });

      await apply([...folders, { directory: `${parent}empty` }]);
      expect(readdirSync(at(`${parent}empty`))).toEqual([]);
      await apply([{ directory: `${parent}one` }, { file: `${parent}one/f`, bytes: "1" }]);
      await apply([
        { file: `${parent}beside`, bytes: "b" },
        { directory: `${parent}two` },
        { directory: `${parent}two/in` },
        { file: `${parent}two/in/f`, bytes: "2" },
      ]);
      writeFileSync(at(`${parent}file`), "");
      symlinkSync("nowhere", at(`${parent}link`));
      await apply(
        (["file", "link"] as const).flatMap((name): BatchPath[] => [
          { directory: `${parent}${name}`, replaces: name },
          { file: `${parent}${name}/f`, bytes: name },
        ]),
      );
      const contents = ["one/f", "beside", "two/in/f", "file/f", "link/f"].map((path) =>
        readFileSync(at(parent + path), "utf8"),
      );
      expect(contents).toEqual(["1", "b", "2", "file", "link"]);
      expect(statSync(at(`${parent}two/in`)).mode & 0o777).toBe(0o755);
    },
  );
});
