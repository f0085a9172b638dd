import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";
import { canMount, withMounts } from "../support/mounts.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };

async function claimed(make: Make) {
  const world = await makeLocalEnvironment(make);
  mkdirSync(join(world.folder, "root/lib"), { recursive: true });
  mkdirSync(join(world.folder, "root/Lib"));
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  const batch = await createBatch(root, [
    { remove: "Lib", type: "directory" },
    { directory: "lib" },
    { file: "lib/f", bytes: "1" },
  ]);
  return {
    file: join(world.folder, "root/lib/f"),
    apply: () => session.commit(session.stage(batch, { signal }), { signal }),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

describe.each(MAKES)("a folder that is renamed by case only, in a container with $name", (make) => {
  // A bind mount shows one folder under two names, as a file system without case does.
  test.runIf(canMount)("gets its new name where both names are the same folder", async () => {
    await using here = await claimed(withMounts(make, 'mount --bind "$PWD/root/lib" "$PWD/root/Lib"'));
    await here.apply();
    expect(readFileSync(here.file, "utf8")).toBe("1");
  });

  test("is refused where another folder has the new name", async () => {
    await using here = await claimed(make);
    writeFileSync(`${here.file}oreign`, "theirs");
    await expect(here.apply()).rejects.toMatchObject({ code: "KINSYNC_TARGET_FOREIGN" });
    expect(existsSync(here.file)).toBe(false);
    expect(readFileSync(`${here.file}oreign`, "utf8")).toBe("theirs");
  });
});
