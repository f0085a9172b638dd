import assert from "node:assert/strict";
import { posix } from "node:path";
import type { ClusterConnection } from "../../contract/cluster.ts";
import type { Target } from "../../contract/target.ts";
import type { Batch, RootSpec, Session, SessionEnd, TransportPlugin } from "../../contract/transport.ts";
import { isKinsyncError } from "../../errors/error.ts";
import { handMadeBatch, type WantedPath } from "./hand-made-batch.ts";

/** What `lstat` tells of a path in the container. */
export interface OutsideView {
  readonly type: "file" | "directory" | "link" | "other";
  readonly mode: number;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtime: number;
  /** Of a link. */
  readonly target?: string;
}

/** A container that a transport can reach, with a way to see and change its files that does not go through the transport. */
export interface TransportWorld extends AsyncDisposable {
  readonly transport: TransportPlugin;
  readonly cluster: ClusterConnection;
  readonly target: Target;
  /** Absolute path, in the container, of an empty folder that it may write to. */
  readonly folder: string;
  /** Paths are the container's, absolute. `undefined` where nothing is. */
  lstat(path: string): Promise<OutsideView | undefined>;
  readFile(path: string): Promise<Uint8Array>;
  list(path: string): Promise<readonly string[]>;
  writeFile(path: string, bytes: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  makeLink(target: string, path: string): Promise<void>;
  /**
   * Commands that the container can run: one that writes the lines `out` and `err` and ends with exit code 3, and one that writes a
   * line and then sleeps for a minute. Default: by `sh`.
   */
  readonly commands?: { readonly echo: readonly string[]; readonly sleep: readonly string[] };
  /** Ends the container and starts it again, as a crash does. Laws that need it are left out where it is absent. */
  restart?(): Promise<void>;
  /** Cuts every connection of the target. */
  breakConnection?(): Promise<void>;
  /** Cuts the next connection when so many bytes went to, or came from, the container. */
  cutNext?(after: { readonly sent?: number; readonly received?: number }): void;
  /** Absolute path, in the container, of an empty folder on a file system of a few hundred KiB. */
  readonly smallFolder?: string;
}

export interface TransportConformanceOptions {
  /** Declares one test: of `node:test`, vitest, or any other runner. */
  readonly test: (name: string, run: () => Promise<void>) => void;
}

/** Every call of the laws ends by itself within this time, in milliseconds, or the law is broken. */
const LIMIT = 20_000;

/**
 * The laws that every transport keeps. Declares one test for each; `makeWorld` is called anew for every one.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * transportConformance(() => makeMyWorld(), { test });
 * ```
 */
export function transportConformance(
  makeWorld: () => Promise<TransportWorld>,
  options: TransportConformanceOptions,
): void {
  const law = (name: string, check: (scene: Scene) => Promise<void>): void => {
    options.test(name, async () => {
      await using scene = new Scene(await makeWorld());
      await within(check(scene), name);
    });
  };

  law(
    "files arrive with their bytes and modes, links with their targets, folders with what is in them",
    async (scene) => {
      const session = await scene.openAndClaim();
      const big = Buffer.alloc(300_000, "0123456789abcdef\n");
      await scene.apply(session, [
        { directory: "pkg" },
        { file: "pkg/a.txt", bytes: "alpha\n" },
        { directory: "pkg/deep" },
        { file: "pkg/deep/run.sh", bytes: "#!/bin/sh\n", mode: 0o755 },
        { link: "pkg/link", target: "deep/run.sh" },
        { file: "big.bin", bytes: big },
        { file: "empty", bytes: "" },
        { file: "secret", bytes: "s", mode: 0o600 },
      ]);
      await scene.holds("pkg/a.txt", "alpha\n", 0o644);
      await scene.holds("pkg/deep/run.sh", "#!/bin/sh\n", 0o755);
      await scene.holds("empty", "", 0o644);
      await scene.holds("secret", "s", 0o600);
      assert.deepEqual(Buffer.from(await scene.world.readFile(scene.at("big.bin"))), big);
      assert.equal((await scene.see("pkg/link"))?.target, "deep/run.sh");
      assert.equal((await scene.see("pkg/deep"))?.mode, 0o755);
    },
  );

  law("a receipt tells snapshot, tree and count of what was carried out", async (scene) => {
    const session = await scene.openAndClaim();
    const batch = await scene.batch(
      [
        { file: "a", bytes: "1" },
        { file: "b", bytes: "2" },
      ],
      { snapshot: 7 },
    );
    const receipt = await session.commit(session.stage(batch, scene.signal), scene.signal);
    assert.deepEqual(receipt, { snapshot: 7, tree: batch.tree, count: 2 });
  });

  law("names of any kind arrive as they are", async (scene) => {
    const session = await scene.openAndClaim();
    const names = [
      "with space",
      "quote'\"",
      "-dash",
      "dollar$HOME`x`",
      "star*?[a]",
      "back\\slash",
      "ümläut",
      "日本",
      "new\nline",
      "a;b&c|d",
      " lead",
      "trail ",
      "#hash",
      "~tilde",
      "x".repeat(200),
    ];
    await scene.apply(session, [
      ...names.map((name) => ({ file: name, bytes: `1 ${name}` })),
      { directory: "dir 'q'" },
      { file: "dir 'q'/in side", bytes: "1 in" },
    ]);
    for (const name of names) await scene.holds(name, `1 ${name}`);
    await scene.apply(session, [
      ...names.map((name) => ({ file: name, bytes: `2 ${name}`, replaces: "file" }) as const),
      { file: "dir 'q'/in side", bytes: "2 in", replaces: "file" },
    ]);
    for (const name of names) await scene.holds(name, `2 ${name}`);
    await scene.holds("dir 'q'/in side", "2 in");
    const inventory = await session.inventory(scene.root, { paths: names, ...scene.signal });
    for (const { path } of inventory.entries) assert.ok([...names, "dir 'q'", "dir 'q'/in side"].includes(path), path);
    // A name that a line cannot hold may be left out: it is sent again then.
    assert.ok(inventory.entries.length >= names.length - 1);
    await scene.apply(
      session,
      names.map((name) => ({ remove: name })),
    );
    for (const name of names) assert.equal(await scene.see(name), undefined, name);
  });

  law("deletes take what is there, keep folders with something in them, and leave the rest alone", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [
      { directory: "d" },
      { file: "d/mine", bytes: "1" },
      { directory: "e" },
      { file: "e/mine", bytes: "1" },
      { link: "l", target: "nowhere" },
    ]);
    await scene.world.writeFile(scene.at("d/foreign"), "theirs");
    const receipt = await scene.apply(session, [
      { remove: "d/mine" },
      { remove: "d", type: "directory" },
      { remove: "e/mine" },
      { remove: "e", type: "directory" },
      { remove: "l" },
      { remove: "never-was" },
      { remove: "gone/too" },
    ]);
    assert.equal(receipt.count, 7);
    assert.equal(await scene.see("d/mine"), undefined);
    assert.equal(await scene.see("e"), undefined);
    assert.equal(await scene.see("l"), undefined);
    await scene.holds("d/foreign", "theirs");
  });

  law("modes change without the bytes", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [{ directory: "d" }, { file: "d/f", bytes: "x" }]);
    await scene.apply(session, [
      { chmod: "d/f", mode: 0o755 },
      { chmod: "d", mode: 0o700 },
    ]);
    await scene.holds("d/f", "x", 0o755);
    assert.equal((await scene.see("d"))?.mode, 0o700);
  });

  law("a path changes its kind when the batch says so", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [
      { file: "a", bytes: "file" },
      { directory: "b" },
      { file: "b/x", bytes: "x" },
      { link: "c", target: "a" },
      { file: "d", bytes: "d" },
    ]);
    await scene.apply(session, [
      { remove: "b/x" },
      { directory: "a", replaces: "file" },
      { file: "a/in", bytes: "in" },
      { file: "b", bytes: "now a file", replaces: "directory" },
      { file: "c", bytes: "no link", replaces: "link" },
      { link: "d", target: "c", replaces: "file" },
    ]);
    await scene.holds("a/in", "in");
    await scene.holds("b", "now a file");
    await scene.holds("c", "no link");
    assert.equal((await scene.see("d"))?.target, "c");
  });

  law("a folder with foreign content is not replaced by a file, and nothing else changes either", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [{ directory: "b" }, { file: "b/mine", bytes: "x" }, { file: "other", bytes: "old" }]);
    await scene.world.writeFile(scene.at("b/foreign"), "theirs");
    await fails(
      "KINSYNC_TARGET_FOREIGN",
      scene.apply(session, [
        { remove: "b/mine" },
        { file: "other", bytes: "new", replaces: "file" },
        { file: "b", bytes: "f", replaces: "directory" },
      ]),
    );
    await scene.holds("b/foreign", "theirs");
    await scene.holds("b/mine", "x");
    await scene.holds("other", "old");
  });

  law("a link below the root is never followed", async (scene) => {
    await scene.world.makeDirectory(posix.join(scene.world.folder, "outside"));
    await scene.world.writeFile(posix.join(scene.world.folder, "outside/f"), "untouched");
    const session = await scene.openAndClaim();
    await scene.world.makeLink("../outside", scene.at("dir"));
    const inventory = await session.inventory(scene.root, { paths: ["dir", "dir/f"], ...scene.signal });
    assert.deepEqual(inventory.entries, [{ type: "link", path: "dir", target: "../outside" }]);
    await assert.rejects(scene.apply(session, [{ file: "dir/f", bytes: "through the link", replaces: "file" }]));
    const again = await scene.openAndClaim();
    await scene.apply(again, [{ remove: "dir/f" }]);
    await scene.apply(again, [
      { directory: "dir", replaces: "link" },
      { file: "dir/f", bytes: "inside" },
    ]);
    await scene.holds("dir/f", "inside");
    assert.equal(
      Buffer.from(await scene.world.readFile(posix.join(scene.world.folder, "outside/f"))).toString(),
      "untouched",
    );
  });

  law("a link at the place of a file is replaced and not written through", async (scene) => {
    await scene.world.writeFile(posix.join(scene.world.folder, "outside"), "untouched");
    const session = await scene.openAndClaim();
    await scene.world.makeLink("../outside", scene.at("f"));
    await scene.apply(session, [{ file: "f", bytes: "mine", replaces: "link" }]);
    await scene.holds("f", "mine");
    assert.equal(
      Buffer.from(await scene.world.readFile(posix.join(scene.world.folder, "outside"))).toString(),
      "untouched",
    );
  });

  law("a stage is invisible until it is committed", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [{ file: "f", bytes: "old" }]);
    const before = await scene.world.list(scene.rootPath);
    const stage = session.stage(
      await scene.batch([
        { file: "f", bytes: "new", replaces: "file" },
        { file: "g", bytes: "g" },
      ]),
      scene.signal,
    );
    await stage.ready;
    await scene.holds("f", "old");
    assert.deepEqual(await scene.world.list(scene.rootPath), before);
    await session.commit(stage, scene.signal);
    await scene.holds("f", "new");
    await scene.holds("g", "g");
  });

  law("a discarded stage leaves nothing", async (scene) => {
    const session = await scene.openAndClaim();
    const stage = session.stage(await scene.batch([{ file: "g", bytes: "g" }]), scene.signal);
    await stage.ready;
    await session.discard(stage);
    await assert.rejects(session.commit(stage, scene.signal));
    assert.equal(await scene.see("g"), undefined);
    await scene.apply(session, [{ file: "h", bytes: "h" }]);
    await scene.holds("h", "h");
  });

  law("a commit after a failed stage rejects with its failure and leaves all untouched", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [{ file: "f", bytes: "old" }]);
    const batch = await scene.batch([
      { file: "f", bytes: "new", replaces: "file" },
      { file: "g", bytes: "g" },
    ]);
    const wrong: Batch = {
      ...batch,
      entries: batch.entries.map((entry) =>
        entry.op === "file" && entry.path === "g" ? { ...entry, digest: "0".repeat(64) } : entry,
      ),
    };
    const stage = session.stage(wrong, scene.signal);
    const commit = session.commit(stage, scene.signal);
    const [ready, committed] = await Promise.allSettled([stage.ready, commit]);
    assert.equal(ready.status, "rejected");
    assert.equal(committed.status, "rejected");
    await scene.holds("f", "old");
    assert.equal(await scene.see("g"), undefined);
  });

  law("bytes that cannot be stored are never taken for a request", async (scene) => {
    const session = await scene.openAndClaim();
    // Longer than a name may be anywhere; to a shell the bytes would say that it is to end.
    const batch = await scene.batch([{ file: "n".repeat(300), bytes: "exit 1\nexit 1\n" }]);
    await assert.rejects(session.commit(session.stage(batch, scene.signal), scene.signal), isKinsyncError);
    await session.ping(scene.signal);
    await scene.apply(session, [{ file: "f", bytes: "f" }]);
    await scene.holds("f", "f");
  });

  law("a batch whose bytes fail on this side leaves all untouched", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [{ file: "f", bytes: "old" }]);
    const batch = await scene.batch([{ file: "f", bytes: Buffer.alloc(200_000, "x"), replaces: "file" }]);
    const broken: Batch = {
      ...batch,
      archive: {
        size: batch.archive.size,
        async *chunks(signal) {
          for await (const chunk of batch.archive.chunks(signal)) {
            yield chunk;
            throw new Error("the file changed while it was read");
          }
        },
      },
    };
    const stage = session.stage(broken, scene.signal);
    await assert.rejects(session.commit(stage, scene.signal), /changed while it was read/);
    await scene.holds("f", "old");
    await scene.apply(session, [{ file: "f", bytes: "newer", replaces: "file" }]);
    await scene.holds("f", "newer");
  });

  law("a stage that is aborted on its way leaves the session usable", async (scene) => {
    const session = await scene.openAndClaim();
    const batch = await scene.batch([{ file: "big", bytes: Buffer.alloc(3_000_000, "x") }]);
    const abort = new AbortController();
    const slow: Batch = {
      ...batch,
      archive: {
        size: batch.archive.size,
        async *chunks(signal) {
          let count = 0;
          for await (const chunk of batch.archive.chunks(signal)) {
            yield chunk;
            count += 1;
            if (count === 10) abort.abort(new Error("newer files are there"));
          }
        },
      },
    };
    const stage = session.stage(slow, { signal: abort.signal });
    await assert.rejects(stage.ready, /newer files are there/);
    await assert.rejects(session.commit(stage, scene.signal));
    await scene.apply(session, [{ file: "small", bytes: "s" }]);
    await scene.holds("small", "s");
    assert.equal(await scene.see("big"), undefined);
  });

  law("what is sent without waiting is carried out in order", async (scene) => {
    const session = await scene.openAndClaim();
    const commits = [];
    for (let index = 0; index < 20; index += 1) {
      const batch = await scene.batch([
        { file: "f", bytes: `version ${index}`, ...(index === 0 ? {} : { replaces: "file" }) },
      ]);
      commits.push(session.commit(session.stage(batch, scene.signal), scene.signal));
    }
    await Promise.all([...commits, session.ping(scene.signal)]);
    await scene.holds("f", "version 19");
  });

  law("a reader sees whole files only, old or new, at every moment", async (scene) => {
    const session = await scene.openAndClaim();
    const versions = Array.from({ length: 12 }, (_, index) => Buffer.alloc(120_000, `${index}`.padEnd(7, "-")));
    await scene.apply(session, [{ file: "f", bytes: versions[0] ?? "" }]);
    const whole = new Set(versions.map((bytes) => bytes.toString("latin1")));
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      const text = Buffer.from(await scene.world.readFile(scene.at("f"))).toString("latin1");
      assert.ok(whole.has(text), `half a file: ${text.length} bytes`);
    };
    const reader = (async () => {
      while (!stop.signal.aborted) {
        await read();
        // A world whose answers are there at once must not keep the transport from its turn.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    })();
    reader.catch(() => {});
    for (const bytes of versions) {
      await scene.apply(session, [{ file: "f", bytes, replaces: "file" }]);
      await read();
    }
    stop.abort();
    await reader;
  });

  law("the modification time grows by a second or more when the size stays", async (scene) => {
    const session = await scene.openAndClaim();
    await scene.apply(session, [{ file: "m.py", bytes: "print(1)" }]);
    for (const digit of ["2", "3", "4"]) {
      const before = await scene.see("m.py");
      await scene.apply(session, [{ file: "m.py", bytes: `print(${digit})`, replaces: "file" }]);
      const after = await scene.see("m.py");
      assert.ok((after?.mtime ?? 0) >= (before?.mtime ?? 0) + 1000, `${before?.mtime} -> ${after?.mtime}`);
    }
  });

  law("an inventory tells what is there, by lstat, and writes nothing", async (scene) => {
    const session = await scene.open();
    const missing = await session.inventory(scene.root, { paths: ["a"], ...scene.signal });
    assert.equal(missing.root, "missing");
    assert.deepEqual([...missing.entries, ...missing.placed], []);
    assert.equal(await scene.world.lstat(scene.rootPath), undefined);
    await session.claim(scene.root, { snapshot: 0, tree: "", ...scene.signal });
    const batch = await scene.batch(
      [{ directory: "d" }, { file: "d/a", bytes: "abc", mode: 0o640 }, { link: "l", target: "d/a" }],
      { snapshot: 3 },
    );
    await session.commit(session.stage(batch, scene.signal), scene.signal);
    await scene.world.writeFile(scene.at("theirs"), "t");
    const asked = await session.inventory(scene.root, { paths: ["d", "d/a", "l", "nope", "d/nope"], ...scene.signal });
    const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const expected = [
      { type: "directory", path: "d", mode: 0o755 },
      { type: "file", path: "d/a", mode: 0o640, size: 3, digest },
      { type: "link", path: "l", target: "d/a" },
    ];
    assert.equal(asked.root, "directory");
    assert.deepEqual(byPath(asked.entries), expected);
    assert.deepEqual([...asked.placed].sort(), ["d", "d/a", "l"]);
    assert.equal(asked.marker?.runId, scene.runId);
    assert.equal(asked.marker?.snapshot, 3);
    assert.equal(asked.marker?.tree, batch.tree);
    const all = await session.inventory(scene.root, { paths: [], list: true, ...scene.signal });
    assert.deepEqual(all.entries.map((entry) => entry.path).sort(), ["d", "d/a", "l", "theirs"]);
  });

  law("what one session placed, the next one knows", async (scene) => {
    const first = await scene.openAndClaim();
    await scene.apply(first, [{ directory: "d" }, { file: "d/a", bytes: "1" }, { file: "b", bytes: "2" }]);
    await scene.apply(first, [{ remove: "b" }]);
    await first[Symbol.asyncDispose]();
    const second = await scene.open("another run");
    const inventory = await second.inventory(scene.root, { paths: [], ...scene.signal });
    assert.deepEqual([...inventory.placed].sort(), ["d", "d/a"]);
    // What was placed is told without being asked for: it may have to go.
    assert.deepEqual(inventory.entries.map(({ path, type }) => `${type} ${path}`).sort(), ["directory d", "file d/a"]);
    assert.equal(inventory.marker?.runId, scene.runId);
  });

  law(
    "the marker can be read by anybody, what is secret by nobody else, and nothing else is left behind",
    async (scene) => {
      const session = await scene.openAndClaim();
      await scene.apply(session, [{ file: "a", bytes: "1" }]);
      await session[Symbol.asyncDispose]();
      const seen = (await scene.world.list(scene.world.folder)).toSorted();
      assert.ok(
        seen.every((name) => name === "root" || name === ".kinsync"),
        seen.join(),
      );
      const inside = (await scene.world.list(scene.rootPath)).toSorted();
      assert.ok(
        inside.every((name) => name === "a" || name === ".kinsync"),
        inside.join(),
      );
    },
  );

  law("a session that another one of the same run replaced changes nothing any more", async (scene) => {
    const first = await scene.openAndClaim();
    await scene.apply(first, [{ file: "f", bytes: "old" }]);
    const second = await scene.open(scene.runId);
    await second.claim(scene.root, { snapshot: 1, tree: "", ...scene.signal });
    await scene.apply(second, [{ file: "f", bytes: "new", replaces: "file" }]);
    await fails("KINSYNC_TARGET_TAKEN", scene.apply(first, [{ file: "f", bytes: "late", replaces: "file" }]));
    await scene.holds("f", "new");
  });

  law("whoever claims last has the root, and the other one is told", async (scene) => {
    const first = await scene.openAndClaim();
    await scene.apply(first, [{ file: "f", bytes: "first" }]);
    const second = await scene.open("the other");
    await second.claim(scene.root, { snapshot: 1, tree: "", ...scene.signal });
    const error = await fails(
      "KINSYNC_TARGET_TAKEN",
      scene.apply(first, [{ file: "f", bytes: "first again", replaces: "file" }]),
    );
    assert.match(error.message, /the other/);
    await scene.holds("f", "first");
    await scene.apply(second, [{ file: "f", bytes: "second", replaces: "file" }]);
    await scene.holds("f", "second");
  });

  law("a pod with the same name and another UID is not written to", async (scene) => {
    const target = { ...scene.world.target, podUid: "00000000-0000-0000-0000-000000000000" };
    await fails("KINSYNC_TARGET_GONE", scene.open("x", target));
    await fails("KINSYNC_TARGET_GONE", scene.open("x", { ...scene.world.target, containerId: "containerd://other" }));
    assert.deepEqual(await scene.world.list(scene.world.folder), []);
  });

  law("a file where a folder must be, and the root of all, are named failures", async (scene) => {
    await scene.world.writeFile(posix.join(scene.world.folder, "file"), "x");
    const session = await scene.open();
    const at = (path: string): RootSpec => ({ path, shape: "directory", key: "k" });
    const claim = { snapshot: 0, tree: "", ...scene.signal };
    await fails("KINSYNC_TARGET_PATH", session.claim(at(posix.join(scene.world.folder, "file")), claim));
    await fails("KINSYNC_TARGET_PATH", session.claim(at(posix.join(scene.world.folder, "file/below")), claim));
    await fails("KINSYNC_TARGET_PATH", session.claim(at("/"), claim));
    assert.ok((await session.ping(scene.signal)) >= 0, "the session is usable");
  });

  law("a command's exit code and output come back, and a failing one is no error", async (scene) => {
    const session = await scene.open();
    const commands = scene.world.commands ?? COMMANDS;
    const run = (command: readonly string[], timeout = 10_000) => session.run(command, { timeout, ...scene.signal });
    const echo = await run(commands.echo);
    assert.deepEqual(
      [echo.exitCode, echo.why, echo.output.trim(), echo.truncated],
      [3, "exited", "out err".replace(" ", "\n"), false],
    );
    const slow = await run(commands.sleep, 300);
    assert.deepEqual([slow.exitCode, slow.why], [undefined, "timeout"]);
    const stop = new AbortController();
    const aborted = session.run(commands.sleep, {
      timeout: 10_000,
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    assert.deepEqual([(await aborted).exitCode, (await aborted).why], [undefined, "aborted"]);
    assert.ok((await session.ping(scene.signal)) >= 0);
  });

  law("a session that is disposed of ends once, and its calls settle", async (scene) => {
    const session = await scene.openAndClaim();
    const pending = [
      session.ping(scene.signal),
      session.inventory(scene.root, { paths: [], list: true, ...scene.signal }),
    ];
    const settled = Promise.allSettled(pending);
    await session[Symbol.asyncDispose]();
    await settled;
    assert.equal((await session.ended).why, "closed");
    await assert.rejects(session.ping(scene.signal));
    await session[Symbol.asyncDispose]();
  });

  law("a restart of the container ends the session", async (scene) => {
    if (scene.world.restart === undefined) return;
    const session = await scene.openAndClaim();
    await scene.world.restart();
    const end = await session.ended;
    assert.ok(end.why === "gone" || end.why === "lost", end.why);
    await assert.rejects(session.ping(scene.signal));
  });

  law("a full file system is told, holds nothing up, and leaves the old files whole", async (scene) => {
    const { smallFolder } = scene.world;
    if (smallFolder === undefined) return;
    const root: RootSpec = { path: posix.join(smallFolder, "root"), shape: "directory", key: "small" };
    const session = await scene.open();
    await session.claim(root, { snapshot: 0, tree: "", ...scene.signal });
    const first = await handMadeBatch(root, [{ file: "f", bytes: "old" }]);
    await session.commit(session.stage(first, scene.signal), scene.signal);
    const big = await handMadeBatch(root, [
      { file: "f", bytes: Buffer.alloc(8_000_000, "x"), replaces: "file" },
      { file: "g", bytes: "g" },
    ]);
    const stage = session.stage(big, scene.signal);
    await fails("KINSYNC_TARGET_FULL", session.commit(stage, scene.signal));
    assert.equal(Buffer.from(await scene.world.readFile(posix.join(root.path, "f"))).toString(), "old");
    const next = await scene.open();
    await next.claim(root, { snapshot: 1, tree: "", ...scene.signal });
    const small = await handMadeBatch(root, [{ file: "f", bytes: "newer", replaces: "file" }]);
    await next.commit(next.stage(small, scene.signal), scene.signal);
    assert.equal(Buffer.from(await scene.world.readFile(posix.join(root.path, "f"))).toString(), "newer");
  });

  law("every call settles when the connection is lost, wherever that is, and files are whole", async (scene) => {
    const { world } = scene;
    if (world.cutNext === undefined) return;
    const first = await scene.openAndClaim();
    await scene.apply(first, [
      { file: "f", bytes: "old" },
      { file: "g", bytes: "old" },
    ]);
    await first[Symbol.asyncDispose]();
    const cuts = [
      ...[0, 1, 40, 400, 2_000, 8_000, 14_000, 20_000, 40_000, 100_000].map((sent) => ({ sent })),
      ...[1, 20, 60, 90, 130, 200, 300, 420].map((received) => ({ received })),
    ];
    for (const cut of cuts) {
      world.cutNext(cut);
      const ends: Promise<SessionEnd>[] = [];
      const attempt = (async () => {
        const session = await scene.open("cut");
        ends.push(session.ended);
        const claim = session.claim(scene.root, { snapshot: 1, tree: "", ...scene.signal });
        const look = session.inventory(scene.root, { paths: ["f", "g"], ...scene.signal });
        const settled = Promise.allSettled([claim, look]);
        await claim;
        const stage = session.stage(
          await scene.batch([
            { file: "f", bytes: Buffer.alloc(50_000, "n"), replaces: "file" },
            { file: "g", bytes: "new", replaces: "file" },
          ]),
          scene.signal,
        );
        await Promise.allSettled([
          settled,
          stage.ready,
          session.commit(stage, scene.signal),
          session.ping(scene.signal),
        ]);
        await session[Symbol.asyncDispose]();
      })();
      await attempt.catch((error: unknown) =>
        assert.ok(isKinsyncError(error) && error.retry !== "terminal", String(error)),
      );
      await Promise.all(ends);
      const f = Buffer.from(await world.readFile(scene.at("f"))).toString();
      assert.ok(
        f === "old" || f === "n".repeat(50_000),
        `f is neither old nor new after a cut at ${JSON.stringify(cut)}`,
      );
      const g = Buffer.from(await world.readFile(scene.at("g"))).toString();
      assert.ok(g === "old" || g === "new", "g is neither old nor new");
    }
    // The next session starts from what is there. What a broken connection had under way may still come after its claim, and may
    // cost it a commit or two.
    for (let attempt = 1; ; attempt += 1) {
      try {
        const last = await scene.openAndClaim();
        await scene.apply(last, [{ file: "f", bytes: "last", replaces: "file" }]);
        break;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
    await scene.holds("f", "last");
  });

  law("a connection that breaks ends the session, and the next one goes on", async (scene) => {
    if (scene.world.breakConnection === undefined) return;
    const session = await scene.openAndClaim();
    await scene.world.breakConnection();
    assert.equal((await session.ended).why, "lost");
    const next = await scene.openAndClaim();
    await scene.apply(next, [{ file: "f", bytes: "x" }]);
    await scene.holds("f", "x");
  });
}

/** Commands that end in a known way. */
const COMMANDS = {
  echo: ["sh", "-c", "echo out; echo err >&2; exit 3"],
  sleep: ["sh", "-c", "echo begun; sleep 60; echo never"],
};

/** One world, with a root in it and everything that was opened. */
class Scene implements AsyncDisposable {
  readonly world: TransportWorld;
  readonly root: RootSpec;
  readonly rootPath: string;
  readonly runId = "run-1";
  readonly signal: { readonly signal: AbortSignal };
  readonly #stop = new AbortController();
  readonly #sessions: Session[] = [];

  constructor(world: TransportWorld) {
    this.world = world;
    this.rootPath = posix.join(world.folder, "root");
    this.root = { path: this.rootPath, shape: "directory", key: "mapping-0" };
    this.signal = { signal: this.#stop.signal };
  }

  at(path: string): string {
    return posix.join(this.rootPath, path);
  }

  see(path: string): Promise<OutsideView | undefined> {
    return this.world.lstat(this.at(path));
  }

  async holds(path: string, bytes: string, mode?: number): Promise<void> {
    const seen = await this.see(path);
    assert.equal(seen?.type, "file", `${path} is ${seen?.type ?? "not there"}`);
    assert.equal(Buffer.from(await this.world.readFile(this.at(path))).toString("utf8"), bytes);
    if (mode !== undefined) assert.equal(seen?.mode.toString(8), mode.toString(8), path);
  }

  async open(owner = "ada@laptop", target = this.world.target): Promise<Session> {
    const session = await this.world.transport.open(target, {
      cluster: this.world.cluster,
      runId: owner === "ada@laptop" ? this.runId : `run of ${owner}`,
      owner,
      since: new Date().toISOString(),
      signal: this.#stop.signal,
    });
    this.#sessions.push(session);
    return session;
  }

  async openAndClaim(): Promise<Session> {
    const session = await this.open();
    await session.claim(this.root, { snapshot: 0, tree: "", ...this.signal });
    return session;
  }

  batch(wanted: readonly WantedPath[], options: { readonly snapshot?: number } = {}): Promise<Batch> {
    return handMadeBatch(this.root, wanted, options);
  }

  async apply(session: Session, wanted: readonly WantedPath[]) {
    return session.commit(session.stage(await this.batch(wanted), this.signal), this.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#sessions.map((session) => session[Symbol.asyncDispose]()));
    this.#stop.abort();
    await this.world[Symbol.asyncDispose]();
  }
}

async function fails(code: string, promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isKinsyncError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`it did not fail with ${code}`);
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what}: something never settled`)), LIMIT);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function byPath<T extends { readonly path: string }>(entries: readonly T[]): readonly T[] {
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
