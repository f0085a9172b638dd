import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isKinsyncError, type RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "app/root", shape: "directory", key: "k" };
const SAVES = 60;

/** Another program of the container: repeats JavaScript as fast as it can. `fs`, `link` and `names` are defined. */
async function adversary(folder: string, code: string): Promise<AsyncDisposable> {
  const program = `const fs = require("fs");
const attempt = (act) => { try { act(); } catch {} };
process.chdir(${JSON.stringify(folder)});
console.log("begun");
for (;;) { ${code} }`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function sessionIn(world: LocalEnvironment) {
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  return {
    session,
    claim: () => session.claim(root, { snapshot: 0, tree: "", signal }),
    /** Saves; what the adversary makes impossible is a failure of that save. */
    save: async (paths: readonly BatchPath[]): Promise<void> => {
      try {
        await session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });
      } catch (error) {
        if (!isKinsyncError(error) || error.code === "KINSYNC_INTERNAL") throw error;
      }
    },
  };
}

describe.each(MAKES)("the agent of a container with $name", (make) => {
  test("never follows a link that appears in the place of a file during a save", async () => {
    await using world = await makeLocalEnvironment(make);
    for (const name of ["app/root", "outside"]) mkdirSync(join(world.folder, name), { recursive: true });
    const here = await sessionIn(world);
    await here.claim();
    await using _flipping = await adversary(
      join(world.folder, "app/root"),
      `attempt(() => fs.symlinkSync("../../outside", "link")); attempt(() => fs.renameSync("link", "f"));
       attempt(() => fs.writeFileSync("file", "")); attempt(() => fs.renameSync("file", "f"));`,
    );
    for (let save = 0; save < SAVES; save += 1) {
      await here.save([{ file: "f", bytes: `save ${save}`, replaces: "file" }]);
      if (save % 10 === 0)
        await here.save(["f", "g"].map((file) => ({ file, bytes: `save ${save}`, replaces: "file" })));
    }
    expect(readdirSync(join(world.folder, "outside"))).toEqual([]);
    await here.session[Symbol.asyncDispose]();
  });

  test.runIf(process.geteuid?.() === 0)(
    "as root writes through no link in a state directory of another user",
    async () => {
      await using world = await makeLocalEnvironment(make);
      const victim = join(world.folder, "victim");
      writeFileSync(victim, "of others");
      for (const name of ["app", "app/root", "app/.kinsync", "app/.kinsync/k"]) {
        mkdirSync(join(world.folder, name));
        chownSync(join(world.folder, name), 1000, 1000);
      }
      const here = await sessionIn(world);
      await using _linking = await adversary(
        join(world.folder, "app/.kinsync/k"),
        `for (let request = 1; request < 200; request += 1) attempt(() => fs.symlinkSync("../../../victim", "marker-" + request));
       for (const name of ["marker", "manifest"]) {
         attempt(() => fs.symlinkSync("../../../victim", name + ".link"));
         attempt(() => fs.renameSync(name + ".link", name));
       }`,
      );
      for (let save = 0; save < SAVES; save += 1) {
        await here.claim().catch(() => {});
        await here.save([{ file: `f${save}`, bytes: "1" }]);
      }
      expect(readFileSync(victim, "utf8")).toBe("of others");
      expect(lstatSync(victim).uid).toBe(process.geteuid?.());
      await here.session[Symbol.asyncDispose]();
    },
  );
});
