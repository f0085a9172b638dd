import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";

/** `npm run test:long` plays with 400,000. */
const FILES = Number(process.env["KINSYNC_FILES"] ?? 2_000);
/** Linux allows about 2,000. More than 1,024 are more than a process may open by default, and than python3 recurses. */
const LEVELS = Number(process.env["KINSYNC_LEVELS"] ?? 1_100);
const LIMIT_MS = 120_000 + FILES * 10;
const BUSYBOX_LEVELS = Number(process.env["KINSYNC_LEVELS"] ?? 400);
const FILES_PER_FOLDER = 1_000;
/** Folders that are removed again: a shell starts a process for each. */
const REMOVED_LEVELS = 20;

const root: RootSpec = { path: "root", shape: "directory", key: "k" };

async function sessionIn(world: LocalEnvironment) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  return {
    session,
    signal,
    apply: async (paths: readonly BatchPath[]) =>
      session.commit(session.stage(await createBatch(root, paths), { signal }), { signal }),
    list: async () => (await session.inventory(root, { paths: [], list: true, signal })).entries,
    in: (path: string) => join(world.folder, "root", path),
  };
}

describe.each(MAKES)("the agent of a container with $name", (make) => {
  // For each folder, tar of busybox looks at each one above it.
  const levels = make.name === "busybox" ? Math.min(LEVELS, BUSYBOX_LEVELS) : LEVELS;
  test(
    `places, changes and removes a file that is ${levels} folders deep`,
    async () => {
      await using world = await makeLocalEnvironment(make);
      const here = await sessionIn(world);
      const folders = Array.from({ length: levels }, (_, index) =>
        Array<string>(index + 1)
          .fill("d")
          .join("/"),
      );
      const file = `${folders.at(-1)}/f`;
      const names = ["a", "b", "c", "d", "e"].map((name) => ({ file: `${folders.at(-1)}/${name}`, bytes: name }));
      await here.apply([...folders.map((directory) => ({ directory })), { file, bytes: "1" }]);
      expect(readFileSync(here.in(file), "utf8")).toBe("1");
      await here.apply([
        { file, bytes: "2", replaces: "file" },
        { chmod: "d", mode: 0o755 },
      ]);
      expect(readFileSync(here.in(file), "utf8")).toBe("2");
      await here.apply(names.filter(({ bytes }) => bytes !== "d"));
      expect(await here.list()).toHaveLength(levels + 5);
      await here.apply([
        ...["a", "b", "c", "e", "f"].map((name) => ({ remove: `${folders.at(-1)}/${name}` })),
        ...folders
          .slice(-REMOVED_LEVELS)
          .toReversed()
          .map((remove) => ({ remove, type: "directory" }) as const),
      ]);
      expect(await here.list()).toHaveLength(levels - REMOVED_LEVELS);
      await here.session[Symbol.asyncDispose]();
    },
    LIMIT_MS,
  );

  test("refuses a path that is too long for Linux, and the session lives", async () => {
    await using world = await makeLocalEnvironment(make);
    const here = await sessionIn(world);
    const long = Array<string>(2_000).fill("dd").join("/");
    await expect(here.apply([{ file: "beside", bytes: "1" }, { directory: long }])).rejects.toMatchObject({
      code: "KINSYNC_TARGET_PATH",
      message: expect.stringMatching(/^dd\/dd.* has 5999 bytes, and a path below .*root can have \d+ at most$/),
    });
    await expect(here.apply([{ file: "x".repeat(256), bytes: "1" }])).rejects.toMatchObject({
      code: "KINSYNC_TARGET_PATH",
      message: expect.stringContaining("too long"),
    });
    await here.apply([{ file: "beside", bytes: "2" }]);
    expect((await here.list()).map(({ path }) => path)).toEqual(["beside"]);
    await here.session[Symbol.asyncDispose]();
  });

  test(
    `places and lists ${FILES.toLocaleString("en")} files, and changes and removes some`,
    async () => {
      await using world = await makeLocalEnvironment(make);
      const here = await sessionIn(world);
      const folders = Array.from({ length: FILES / FILES_PER_FOLDER }, (_, index) => `folder ${index}`);
      const files = folders.flatMap((folder) =>
        Array.from({ length: FILES_PER_FOLDER }, (_, index) => `${folder}/it's ${index}.py`),
      );
      await here.apply([
        ...folders.map((directory) => ({ directory })),
        ...files.map((file) => ({ file, bytes: `content of ${file}` })),
      ]);
      const { entries } = await here.session.inventory(root, { paths: [...folders, ...files], signal: here.signal });
      expect(entries).toHaveLength(folders.length + files.length);
      await here.apply(files.slice(0, 500).map((file) => ({ file, bytes: "new", replaces: "file" })));
      expect(readFileSync(here.in("folder 0/it's 499.py"), "utf8")).toBe("new");
      await here.apply(files.slice(0, 500).map((remove) => ({ remove })));
      expect(await here.list()).toHaveLength(folders.length + files.length - 500);
      await here.session[Symbol.asyncDispose]();
    },
    LIMIT_MS,
  );
});
