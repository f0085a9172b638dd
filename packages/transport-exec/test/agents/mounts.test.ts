import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";
import { canMount, withMounts } from "../support/mounts.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };

async function open(world: LocalEnvironment) {
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  return world.transport.open(world.target, who);
}

describe.runIf(canMount).each(MAKES)("mounts in a container with $name", (make) => {
  test("a volume that is mounted exactly at the root is written", async () => {
    await using world = await makeLocalEnvironment(withMounts(make, 'mount -t tmpfs none "$PWD/root"'));
    mkdirSync(join(world.folder, "root"));
    const session = await open(world);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const batch = await createBatch(root, [{ file: "f", bytes: "1" }, { directory: "d" }, { file: "d/g", bytes: "2" }]);
    await session.commit(session.stage(batch, { signal }), { signal });
    const { entries } = await session.inventory(root, { paths: [], list: true, signal });
    expect(entries.map(({ path }) => path).toSorted()).toEqual(["d", "d/g", "f"]);
    await session[Symbol.asyncDispose]();
  });

  test.each([
    ["a file system of the kernel", 'mount -t proc proc "$PWD/root"', "root"],
    ["a folder in a file system of the kernel", 'mount -t proc proc "$PWD/root"', "root/sys"],
    ["a missing folder in a file system of the kernel", 'mount -t proc proc "$PWD/root"', "root/missing/src"],
    ["the root of a whole system", 'mkdir "$PWD/root/proc" && mount -t proc proc "$PWD/root/proc"', "root"],
  ])("%s is refused by name, and nothing is written", async (_, mount, path) => {
    await using world = await makeLocalEnvironment(withMounts(make, mount));
    mkdirSync(join(world.folder, "root"));
    const session = await open(world);
    const refused = { code: "KINSYNC_CONFIG_SYSTEM_FOLDER", hint: expect.stringContaining("Map to a folder below it") };
    const spec = { ...root, path };
    await expect(session.inventory(spec, { paths: ["f"], signal })).rejects.toMatchObject(refused);
    await expect(session.claim(spec, { snapshot: 0, tree: "", signal })).rejects.toMatchObject(refused);
    await session.ping({ signal });
    const { entries } = await session.inventory(
      { ...root, path: "." },
      { paths: [".kinsync", "root/.kinsync"], signal },
    );
    expect(entries).toEqual([]);
    await session[Symbol.asyncDispose]();
  });

  test("a folder below the root of a whole system is written", async () => {
    const mount = 'mkdir "$PWD/proc" && mount -t proc proc "$PWD/proc"';
    await using world = await makeLocalEnvironment(withMounts(make, mount));
    const session = await open(world);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const batch = await createBatch(root, [{ file: "f", bytes: "1" }]);
    await session.commit(session.stage(batch, { signal }), { signal });
    expect(readFileSync(join(world.folder, "root/f"), "utf8")).toBe("1");
    await session[Symbol.asyncDispose]();
  });
});
