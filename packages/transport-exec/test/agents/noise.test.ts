import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBatch } from "@kinsync/core/testing";
import { AGENTS } from "../../src/agent/runtimes.ts";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const signal = AbortSignal.timeout(600_000);
const root = { path: "root", shape: "directory", key: "k" } as const;
const WARNING =
  "ERROR: ld.so: object '/nowhere/x.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.";
/** Their output is the content of files. Nothing can be done where a preload writes into that. */
const DATA_TOOLS = new Set(["dd", "cat", "sed"]);

/** Each tool writes a warning first, on both outputs, as a preload, a locale or a shim does. */
function noisy(make: Make): Make {
  return {
    ...make,
    path: (folder) => {
      const inner = make.path(folder);
      const bin = join(folder, "noisy");
      mkdirSync(bin);
      const tools = [...AGENTS.sh.needs.filter((need) => need !== "fullblock"), "id", "chown", "sleep", "dirname"];
      for (const tool of tools) {
        const onOutput = DATA_TOOLS.has(tool) ? "" : "echo 'preload: hello\n. 3 1\n. 4 1\n! 5 ENOSPC - no'\n";
        writeFileSync(
          join(bin, tool),
          `#!/bin/sh\necho "${WARNING}" >&2\n${onOutput}PATH=${inner} exec ${tool} "$@"\n`,
        );
        chmodSync(join(bin, tool), 0o755);
      }
      return `${bin}:${inner}`;
    },
  };
}

describe.each(MAKES.filter((make) => make.runtime === "sh"))("tools that warn in a container with $name", (make) => {
  test("change no save, no inventory and no error", async () => {
    await using world = await makeLocalEnvironment(noisy(make));
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const apply = async (paths: Parameters<typeof createBatch>[1]) =>
      session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });
    const big = Buffer.alloc(3 << 20, "some text ");
    await apply([{ file: "one", bytes: "1" }]);
    await apply([{ file: "one", bytes: "2", replaces: "file" }]);
    await apply([{ file: "big", bytes: big }]);
    await apply([
      { directory: "d" },
      { file: "d/a", bytes: "a" },
      { file: "d/cr\r", bytes: "a" },
      { file: "b", bytes: "b", mode: 0o755 },
      { link: "l", target: "b" },
    ]);
    await apply([{ remove: "d/a" }, { remove: "d/cr\r" }, { file: "d", bytes: "now a file", replaces: "directory" }]);
    expect(readFileSync(join(world.folder, "root/one"), "utf8")).toBe("2");
    expect(readFileSync(join(world.folder, "root/big")).equals(big)).toBe(true);
    const { entries } = await session.inventory(root, { paths: [], list: true, signal });
    expect(entries.map(({ path }) => path).toSorted()).toEqual(["b", "big", "d", "l", "one"]);
    expect(entries.every((entry) => entry.type !== "file" || entry.digest !== "")).toBe(true);
    mkdirSync(join(world.folder, "root/theirs"));
    await expect(apply([{ file: "theirs", bytes: "ours" }])).rejects.toMatchObject({ code: "KINSYNC_TARGET_FOREIGN" });
    await expect(
      session.claim({ ...root, path: "root/one/below", key: "j" }, { snapshot: 0, tree: "", signal }),
    ).rejects.toMatchObject({ code: "KINSYNC_TARGET_PATH" });
  });
});
