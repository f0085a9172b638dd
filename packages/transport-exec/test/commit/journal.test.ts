import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec, Session } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { journalLines } from "../../src/commit/manifest.ts";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };

async function claimed(world: LocalEnvironment, runId = "s"): Promise<Required<Omit<Session, "seen">>> {
  const who = { cluster: world.cluster, runId, owner: "ada@laptop", since: "2026-01-01T00:00:00Z", signal };
  const opened = await world.transport.open(world.target, who);
  await opened.claim(root, { snapshot: 0, tree: "", signal });
  return opened;
}

describe.each(MAKES)("the journal in a container with $name", (make) => {
  test("does not contain the paths of a refused batch", async () => {
    await using world = await makeLocalEnvironment(make);
    {
      await using session = await claimed(world);
      mkdirSync(join(world.folder, "root/theirs"));
      writeFileSync(join(world.folder, "root/d"), "theirs");
      const file = await createBatch(root, [{ file: "theirs", bytes: "ours" }]);
      await expect(session.commit(session.stage(file, { signal }), { signal })).rejects.toMatchObject({
        code: "KINSYNC_TARGET_FOREIGN",
      });
      const folder = await createBatch(root, [{ directory: "d" }, { file: "d/f", bytes: "f" }]);
      await expect(session.commit(session.stage(folder, { signal }), { signal })).rejects.toMatchObject({
        code: "KINSYNC_TARGET_FOREIGN",
      });
    }
    await using next = await claimed(world);
    expect((await next.inventory(root, { paths: ["d"], signal })).placed).toEqual([]);
    expect(readFileSync(join(world.folder, "root/d"), "utf8")).toBe("theirs");
  });

  test("that delays a commit leaves the root to the run that claimed it meanwhile", async () => {
    await using world = await makeLocalEnvironment(make);
    await using session = await claimed(world);
    const state = join(world.folder, ".kinsync/k");
    rmSync(join(state, "manifest"));
    execFileSync("mkfifo", [join(state, "manifest")]);
    // More than a pipe holds: the agent waits in the middle of its commit until somebody reads.
    const placed = Array.from({ length: 2_000 }, (_, index) => `${"x".repeat(100)}-${index}`);
    const batch = { ...(await createBatch(root, [{ file: "f", bytes: "f" }])), placed };
    const committed = session.commit(session.stage(batch, { signal }), { signal });
    committed.catch(() => {});
    const pipe = await openFile(join(state, "manifest"), "r");
    const ours = readFileSync(join(state, "marker"), "utf8");
    const theirs = ours.replace('"runId":"s"', '"runId":"later"').replace(/"claim":"[^"]*"/, '"claim":"theirs"');
    writeFileSync(join(state, "marker"), theirs);
    await pipe.readFile();
    await pipe.close();
    await expect(committed).rejects.toMatchObject({ code: "KINSYNC_TARGET_TAKEN" });
    expect(readFileSync(join(state, "marker"), "utf8")).toBe(theirs);
  });

  test("that grew long is compacted without losing a path", async () => {
    await using world = await makeLocalEnvironment(make);
    await (await claimed(world))[Symbol.asyncDispose]();
    const path = join(world.folder, ".kinsync/k/manifest");
    const noise = Array.from(
      { length: 800 },
      (_, index) => journalLines("+", [`t${index}`]) + journalLines("-", [`t${index}`]),
    );
    writeFileSync(path, journalLines("+", ["keep", "back\\slash", "new\nline"]) + noise.join(""));
    await using session = await claimed(world);
    const apply = async (file: string): Promise<void> => {
      const batch = await createBatch(root, [{ file, bytes: file }]);
      await session.commit(session.stage(batch, { signal }), { signal });
    };
    // A commit that is sent while the inventory is on its way: that one may not know of it.
    const looked = session.inventory(root, { paths: ["keep"], signal });
    await Promise.all([looked, apply("a")]);
    await apply("b");
    const { placed } = await session.inventory(root, { paths: ["keep"], signal });
    expect(placed).toEqual(["keep", "back\\slash", "new\nline", "a", "b"]);
    await apply("c");
    expect(
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    ).toHaveLength(6);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    const after = await session.inventory(root, { paths: ["c"], signal });
    expect(after.placed).toEqual(["keep", "back\\slash", "new\nline", "a", "b", "c"]);
    await session.ping({ signal });
    expect(readdirSync(join(world.folder, ".kinsync/k")).toSorted()).toEqual(["manifest", "marker"]);
  });

  test("that is a link is not followed", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, ".kinsync/k"), { recursive: true });
    symlinkSync("../../outside", join(world.folder, ".kinsync/k/manifest"));
    await using session = await claimed(world);
    const batch = await createBatch(root, [{ file: "f", bytes: "f" }]);
    await session.commit(session.stage(batch, { signal }), { signal });
    expect(existsSync(join(world.folder, "outside"))).toBe(false);
    expect(lstatSync(join(world.folder, "root/.kinsync/k/manifest")).isFile()).toBe(true);
  });
});
