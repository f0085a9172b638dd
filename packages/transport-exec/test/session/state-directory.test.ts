import { createHash } from "node:crypto";
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
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Session } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";
import { stagesOf } from "../support/stages.ts";

const signal = AbortSignal.timeout(600_000);

function open(world: LocalEnvironment, runId = "s"): Promise<Required<Omit<Session, "seen">>> {
  const who = { cluster: world.cluster, runId, owner: "ada@laptop", since: "2026-01-01T00:00:00Z", signal };
  return world.transport.open(world.target, who);
}

const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

describe.each(MAKES)("an inventory of a container with $name", (make) => {
  test("contains files, folders and links whose names have a newline", async () => {
    await using world = await makeLocalEnvironment(make);
    await using session = await open(world);
    const root = { path: "root", shape: "directory", key: "k" } as const;
    const entries = [
      { directory: "new\nfolder" },
      { file: "new\nfolder/back\\slash\nfile 'q'", bytes: "one" },
      { file: "plain", bytes: "p" },
      { link: "a\nlink", target: "plain" },
    ];
    await session.claim(root, { snapshot: 0, tree: "", signal });
    await session.commit(session.stage(await createBatch(root, entries), { signal }), { signal });
    const paths = ["new\nfolder", "new\nfolder/back\\slash\nfile 'q'", "plain", "a\nlink", "not\nthere"];
    const found = (await session.inventory(root, { paths, signal })).entries;
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    expect(found.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toMatchObject([
      { type: "link", path: "a\nlink", target: "plain" },
      { type: "directory", path: "new\nfolder" },
      { type: "file", path: "new\nfolder/back\\slash\nfile 'q'", digest: digest("one") },
      { type: "file", path: "plain", digest: digest("p") },
    ]);
  });
});

describe.each(MAKES)("the state directory in a container with $name", (make) => {
  test("is beside the root; all users can read its marker, and only the owner its other parts", async () => {
    await using world = await makeLocalEnvironment(make);
    await using session = await open(world);
    const root = { path: "sub/root", shape: "directory", key: "mapping-0" } as const;
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const stage = session.stage(await createBatch(root, [{ directory: "d" }, { file: "d/f", bytes: "f" }]), {
      signal,
    });
    await stage.ready;
    const state = join(world.folder, "sub/.kinsync/mapping-0");
    expect(readdirSync(join(world.folder, "sub/root"))).toEqual([]);
    const [staged = ""] = stagesOf(join(world.folder, "sub/root"), state);
    expect([mode(join(world.folder, "sub/.kinsync")), mode(state)]).toEqual(["711", "711"]);
    expect([mode(join(state, "marker")), mode(join(state, "manifest"))]).toEqual(["644", "600"]);
    expect(mode(staged)).toBe("700");
    await session.commit(stage, { signal });
    // The agent cleans up after it acknowledged, and before its next answer.
    await session.ping({ signal });
    expect(readdirSync(state).toSorted()).toEqual(["manifest", "marker"]);
    expect(JSON.parse(readFileSync(join(state, "marker"), "utf8"))).toMatchObject({
      runId: "s",
      owner: "ada@laptop",
    });
  });

  test("goes with the last root that is released, and the files stay", async () => {
    await using world = await makeLocalEnvironment(make);
    await using session = await open(world);
    const one = { path: "sub/one", shape: "directory", key: "k-1" } as const;
    const two = { path: "sub/two", shape: "directory", key: "k-2" } as const;
    for (const root of [one, two]) {
      await session.claim(root, { snapshot: 0, tree: "", signal });
      await session.commit(session.stage(await createBatch(root, [{ file: "f", bytes: "f" }]), { signal }), { signal });
    }
    await session.release(one, { signal });
    expect(readdirSync(join(world.folder, "sub/.kinsync"))).toEqual(["k-2"]);
    await session.release(two, { signal });
    expect(readdirSync(join(world.folder, "sub")).toSorted()).toEqual(["one", "two"]);
    expect(readdirSync(join(world.folder, "sub/one"))).toEqual(["f"]);
  });

  test("of a root that another run took over is not released", async () => {
    await using world = await makeLocalEnvironment(make);
    await using session = await open(world);
    await using other = await open(world, "other");
    const root = { path: "sub/root", shape: "directory", key: "k" } as const;
    await session.claim(root, { snapshot: 0, tree: "", signal });
    await other.claim(root, { snapshot: 0, tree: "", signal });
    await expect(session.release(root, { signal })).rejects.toMatchObject({ code: "KINSYNC_TARGET_TAKEN" });
    expect(readdirSync(join(world.folder, "sub/.kinsync"))).toEqual(["k"]);
  });

  test("holds no stage after its session ended, neither a complete one nor a partial one", async () => {
    await using world = await makeLocalEnvironment(make);
    const root = { path: "root", shape: "directory", key: "k" } as const;
    const state = join(world.folder, ".kinsync/k");
    const staged = await open(world, "first");
    await staged.claim(root, { snapshot: 0, tree: "", signal });
    await staged.stage(await createBatch(root, [{ directory: "d" }, { file: "d/f", bytes: "f" }]), { signal }).ready;
    const stages = (): readonly string[] => stagesOf(join(world.folder, "root"), state);
    expect(stages()).toHaveLength(1);
    await staged[Symbol.asyncDispose]();
    await expect.poll(stages, { timeout: 10_000 }).toEqual([]);

    const halved = await open(world, "second");
    await halved.claim(root, { snapshot: 0, tree: "", signal });
    const batch = await createBatch(root, [{ file: "large", bytes: "x".repeat(3 << 20) }]);
    const cut = halved.stage(
      {
        ...batch,
        archive: {
          size: batch.archive.size,
          async *chunks(ending) {
            for await (const chunk of batch.archive.chunks(ending)) yield chunk.subarray(0, 1 << 16);
            await new Promise((_, reject) => ending.addEventListener("abort", () => reject(ending.reason as Error)));
          },
        },
      },
      { signal },
    );
    cut.ready.catch(() => {});
    await expect.poll(stages, { timeout: 10_000 }).toHaveLength(1);
    await halved[Symbol.asyncDispose]();
    await expect.poll(stages, { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => readdirSync(state).toSorted(), { timeout: 10_000 }).toEqual(["manifest", "marker"]);
  });

  test("of a dead session is cleaned by the next claim, which leaves other mappings alone", async () => {
    await using world = await makeLocalEnvironment(make);
    const state = join(world.folder, ".kinsync/a");
    mkdirSync(join(state, "stage-old/t"), { recursive: true });
    writeFileSync(join(state, "stage-old/t/half"), "x");
    mkdirSync(join(world.folder, ".kinsync/b/stage-other"), { recursive: true });
    await using session = await open(world);
    await session.claim({ path: "root", shape: "directory", key: "a" }, { snapshot: 0, tree: "", signal });
    expect(readdirSync(state).toSorted()).toEqual(["manifest", "marker"]);
    expect(existsSync(join(world.folder, ".kinsync/b/stage-other"))).toBe(true);
  });

  test("is found for a root behind a link, and the link stays", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, "real/deep"), { recursive: true });
    symlinkSync("real/deep", join(world.folder, "root"));
    await using session = await open(world);
    const root = { path: "root", shape: "directory", key: "k" } as const;
    await session.claim(root, { snapshot: 0, tree: "", signal });
    await session.commit(session.stage(await createBatch(root, [{ file: "f", bytes: "f" }]), { signal }), { signal });
    expect(readFileSync(join(world.folder, "real/deep/f"), "utf8")).toBe("f");
    expect(lstatSync(join(world.folder, "root")).isSymbolicLink()).toBe(true);
    expect(existsSync(join(world.folder, "real/.kinsync/k/marker"))).toBe(true);
    expect((await session.inventory(root, { paths: ["f"], signal })).placed).toEqual(["f"]);
  });

  test("that was removed in the container is an error until a new claim creates it", async () => {
    await using world = await makeLocalEnvironment(make);
    const root = { path: "root", shape: "directory", key: "k" } as const;
    const session = await open(world);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const stage = session.stage(await createBatch(root, [{ file: "f", bytes: "f" }]), { signal });
    await stage.ready;
    rmSync(join(world.folder, ".kinsync"), { recursive: true });
    await expect(session.commit(stage, { signal })).rejects.toMatchObject({
      code: "KINSYNC_TARGET_LOST",
      retry: "retry",
    });
    expect((await session.ended).why).toBe("lost");
    await using next = await open(world);
    await next.claim(root, { snapshot: 0, tree: "", signal });
    await next.commit(next.stage(await createBatch(root, [{ file: "f", bytes: "f" }]), { signal }), { signal });
    expect(readFileSync(join(world.folder, "root/f"), "utf8")).toBe("f");
  });

  test("of a single file's mapping lies outside a folder that kinsync did not create", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, "etc"));
    writeFileSync(join(world.folder, "etc/theirs"), "theirs");
    await using session = await open(world);
    const root = { path: join(world.folder, "etc"), shape: "file", key: "one" } as const;
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const batch = await createBatch(root, [{ file: "app.yaml", bytes: "a: 1\n", mode: 0o600 }]);
    await session.commit(session.stage(batch, { signal }), { signal });
    expect(readdirSync(join(world.folder, "etc")).toSorted()).toEqual(["app.yaml", "theirs"]);
    expect(mode(join(world.folder, "etc/app.yaml"))).toBe("600");
  });

  test("and paths outside the root are refused in a batch", async () => {
    await using world = await makeLocalEnvironment(make);
    await using session = await open(world);
    const root = { path: "root", shape: "directory", key: "k" } as const;
    await session.claim(root, { snapshot: 0, tree: "", signal });
    for (const file of ["../x", "a/../../x", ".kinsync/marker", "/etc/x", "a//b", "."]) {
      const stage = session.stage(await createBatch(root, [{ file, bytes: "x" }]), { signal });
      await expect(session.commit(stage, { signal })).rejects.toMatchObject({ code: "KINSYNC_TARGET_PATH" });
    }
    expect(readdirSync(world.folder).toSorted()).toEqual([".kinsync", "root"]);
  });
});
