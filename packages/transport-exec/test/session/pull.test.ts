import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PulledFile, PullEntry, PullRequest } from "@kinsync/core/contract";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";

const signal = AbortSignal.timeout(600_000);

interface Pulled {
  readonly entries: readonly PullEntry[];
  readonly files: ReadonlyMap<
    string,
    { readonly size: number | undefined; offset: number; digest: string | undefined; bytes: string }
  >;
}

interface PullHow {
  readonly requests?: (entries: readonly PullEntry[]) => readonly PullRequest[];
  readonly take?: (file: PulledFile) => Promise<void> | undefined;
  readonly signal?: AbortSignal;
}

async function pull(world: LocalEnvironment, path: string, how: PullHow = {}): Promise<Pulled> {
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  await using session = await world.transport.open(world.target, who);
  let entries: readonly PullEntry[] = [];
  const files: Map<string, { size: number | undefined; offset: number; digest: string | undefined; bytes: string }> =
    new Map();
  const all = (): readonly PullRequest[] =>
    entries.filter(({ type }) => type === "file").map((each) => ({ path: each.path }));
  await session.pull(path, {
    signal: how.signal ?? signal,
    choose: async function* (listed) {
      entries = listed;
      yield* how.requests?.(listed) ?? all();
    },
    take: async (file) => {
      await how.take?.(file);
      const chunks: Uint8Array[] = [];
      for await (const chunk of file.chunks) chunks.push(Buffer.from(chunk));
      const bytes = Buffer.concat(chunks).toString("latin1");
      files.set(file.request.path, { size: file.size, offset: file.offset, digest: file.digest(), bytes });
    },
  });
  return { entries: entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)), files };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

async function worldOf(make: Make): Promise<LocalEnvironment & { readonly at: (path: string) => string }> {
  const world = await makeLocalEnvironment(make);
  return Object.assign(world, { at: (path: string) => join(world.folder, path) });
}

describe.each(MAKES)("pull from a container with $name", (make) => {
  test("lists files, folders, links and other types, with any name, and sends the files", async () => {
    await using world = await worldOf(make);
    const { at } = world;
    mkdirSync(at("d/deep/empty"), { recursive: true });
    const odd = `d/deep/a 'b' "c" $x \\ \n *`;
    writeFileSync(at("d/f"), "one");
    writeFileSync(at("d/empty"), "");
    writeFileSync(at("d/-n"), "dash");
    writeFileSync(at(odd), "\0\n\r binary \xff", "latin1");
    chmodSync(at("d/f"), 0o755);
    linkSync(at("d/f"), at("d/hard"));
    execFileSync("mkfifo", [at("d/pipe")]);
    symlinkSync("../f", at("d/deep/link"));
    symlinkSync("new\nline\n", at("d/deep/odd"));
    const { entries, files } = await pull(world, "d");
    expect(entries).toEqual([
      { path: "", type: "directory" },
      { path: "-n", type: "file", executable: false, size: 4 },
      { path: "deep", type: "directory" },
      { path: odd.slice(2), type: "file", executable: false, size: 12 },
      { path: "deep/empty", type: "directory" },
      { path: "deep/link", type: "link", target: "../f" },
      { path: "deep/odd", type: "link", target: "new\nline\n" },
      { path: "empty", type: "file", executable: false, size: 0 },
      { path: "f", type: "file", executable: true, size: 3 },
      { path: "hard", type: "file", executable: true, size: 3 },
      { path: "pipe", type: "other" },
    ]);
    const bytes = [...files].map(([path, file]) => [path, file.bytes, file.digest === digestOf(file.bytes)]);
    expect(bytes.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
      ["-n", "dash", true],
      [odd.slice(2), "\0\n\r binary \xff", true],
      ["empty", "", true],
      ["f", "one", true],
      ["hard", "one", true],
    ]);
  });

  test("sends a single file, by an absolute path and through a link that the user named", async () => {
    await using world = await worldOf(make);
    writeFileSync(world.at("f"), "x".repeat(300_000));
    symlinkSync("f", world.at("link"));
    for (const path of [realpathSync(world.at("f")), "link"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { entries, files } = await pull(world, path);
      expect(entries).toEqual([{ path: "", type: "file", executable: false, size: 300_000 }]);
      expect(files.get("")?.bytes.length).toBe(300_000);
    }
  });

  test("goes on behind the part that the caller has, and begins anew where it differs", async () => {
    await using world = await worldOf(make);
    mkdirSync(world.at("d"));
    const text = "0123456789".repeat(20_000);
    for (const name of ["part", "other", "whole", "longer", "compared"]) writeFileSync(world.at(`d/${name}`), text);
    const have = (part: string) => ({ size: part.length, digest: digestOf(part) });
    const { files } = await pull(world, "d", {
      requests: () => [
        { path: "part", have: have(text.slice(0, 123_457)) },
        { path: "other", have: have(`x${text.slice(1, 100)}`) },
        { path: "whole", have: have(text) },
        { path: "longer", have: have(`${text}more`) },
        { path: "compared", have: have("something else"), compareOnly: true },
      ],
    });
    const found = [...files].map(([path, { offset, size, bytes, digest }]) => [
      path,
      offset,
      size,
      bytes.length,
      digest,
    ]);
    const digest = digestOf(text);
    expect(found).toEqual([
      ["part", 123_457, 200_000, 76_543, digest],
      ["other", 0, 200_000, 200_000, digest],
      ["whole", 200_000, 200_000, 0, digest],
      ["longer", 0, 200_000, 200_000, digest],
      ["compared", 0, 200_000, 0, undefined],
    ]);
    expect(files.get("part")?.bytes).toBe(text.slice(123_457));
  });

  test("reports a file that was deleted or became a link, and goes on with the next one", async () => {
    await using world = await worldOf(make);
    mkdirSync(world.at("d"));
    for (const name of ["a", "b", "c"]) writeFileSync(world.at(`d/${name}`), name);
    const { files } = await pull(world, "d", {
      requests: () => {
        unlinkSync(world.at("d/a"));
        unlinkSync(world.at("d/b"));
        symlinkSync("c", world.at("d/b"));
        return ["a", "b", "c"].map((path) => ({ path }));
      },
    });
    expect([...files].map(([path, { size, bytes }]) => [path, size, bytes])).toEqual([
      ["a", undefined, ""],
      ["b", undefined, ""],
      ["c", 1, "c"],
    ]);
  });

  test("a file that is cut while it is read is reported, and the next one is whole", async () => {
    await using world = await worldOf(make);
    mkdirSync(world.at("d"));
    // More than the buffers between here and the file hold.
    const size = 24 * 1024 * 1024;
    writeFileSync(world.at("d/a"), Buffer.alloc(size, "a"));
    writeFileSync(world.at("d/b"), "b");
    const { files } = await pull(world, "d", {
      requests: () => [{ path: "a" }, { path: "b" }],
      take: async ({ request }) => {
        if (request.path === "a") truncateSync(world.at("d/a"), 1000);
        else appendFileSync(world.at("d/b"), "more");
      },
    });
    expect(files.get("a")?.bytes.length).toBe(size);
    expect(files.get("a")?.digest).not.toBe(digestOf(files.get("a")?.bytes ?? ""));
    expect(files.get("b")).toEqual({ size: 1, offset: 0, bytes: "b", digest: digestOf("b") });
  });

  test("many files need no round trip each, and a caller that reads nothing does not stop the next file", async () => {
    await using world = await worldOf(make);
    mkdirSync(world.at("d"));
    const names = Array.from({ length: 150 }, (_, at) => `f${at}`);
    for (const name of names) writeFileSync(world.at(`d/${name}`), name.repeat(100));
    const seen: string[] = [];
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.pull("d", {
      signal,
      choose: async function* () {
        yield* names.map((path) => ({ path }));
      },
      take: async ({ request, size }) => {
        seen.push(`${request.path} ${size}`);
      },
    });
    expect(seen).toEqual(names.map((name) => `${name} ${name.length * 100}`));
  });

  test("a path that is missing or no file is refused", async () => {
    await using world = await worldOf(make);
    await expect(pull(world, "missing")).rejects.toMatchObject({ code: "KINSYNC_PULL_PATH" });
    await expect(pull(world, "/dev/null")).rejects.toMatchObject({
      code: "KINSYNC_PULL_PATH",
      message: "pod/web-0, container main: /dev/null is neither a folder nor a regular file",
    });
  });

  test("errors of the caller, an abort, and a lost connection end the pull", async () => {
    await using world = await worldOf(make);
    mkdirSync(world.at("d"));
    writeFileSync(world.at("d/f"), Buffer.alloc(24 * 1024 * 1024));
    const failing = pull(world, "d", { take: () => Promise.reject(new Error("disk full")) });
    await expect(failing).rejects.toThrow("disk full");
    const badChoice = pull(world, "d", {
      requests: () => {
        throw new Error("no choice");
      },
    });
    await expect(badChoice).rejects.toThrow("no choice");
    const stop = new AbortController();
    const aborted = pull(world, "d", {
      signal: stop.signal,
      take: async () => stop.abort(new Error("enough")),
    });
    await expect(aborted).rejects.toThrow("enough");
    const lost = pull(world, "d", { take: async () => world.cluster.dropAll() });
    await expect(lost).rejects.toMatchObject({ code: "KINSYNC_TARGET_LOST" });
  });
});
