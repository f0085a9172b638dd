import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { PulledFile, PullEntry, PullRequest } from "../../contract/pull.ts";
import type { Session } from "../../contract/session.ts";
import { expectError, type Fixture } from "./fixture.ts";
import type { Requirement } from "./requirement.ts";

/** Names that a shell, a protocol of lines or a local file system could take for something else. */
const HOSTILE_NAMES = ["-n", "with space ' \" \\ ${x} $(y) `z` *", "größe.txt", "line\nbreak", ".hidden", "100%"];
/** A caller holds one chunk at a time. */
const MAX_CHUNK_BYTES = 4 * 1024 * 1024;
const LARGE_BYTES = 9 * 1024 * 1024;

interface Answer extends Pick<PulledFile, "request" | "size" | "offset"> {
  readonly bytes: string;
  readonly digest: string | undefined;
  readonly chunks: readonly number[];
}

interface Pulled {
  readonly entries: readonly PullEntry[];
  readonly answers: readonly Answer[];
}

interface How {
  /** Default: every file, from its first byte. */
  readonly requests?: (entries: readonly PullEntry[]) => readonly PullRequest[];
  /** Before the bytes are read. @returns false: they are not */
  readonly onFile?: (file: PulledFile) => Promise<boolean>;
  readonly signal?: AbortSignal;
}

async function pull(fixture: Fixture, session: Session, path: string, how: How = {}): Promise<Pulled> {
  const { requests = filesOf, onFile, signal = fixture.options.signal } = how;
  const answers: Answer[] = [];
  let entries: readonly PullEntry[] | undefined;
  await session.pull?.(path, {
    signal,
    async *choose(listed) {
      assert.equal(entries, undefined, "`choose` was called again");
      entries = listed;
      yield* requests(listed);
    },
    async take(file) {
      const { request, size, offset } = file;
      if ((await onFile?.(file)) === false) return;
      const chunks: Buffer[] = [];
      for await (const chunk of file.chunks) chunks.push(Buffer.from(chunk));
      const bytes = Buffer.concat(chunks).toString("latin1");
      answers.push({ request, size, offset, bytes, digest: file.digest(), chunks: chunks.map(({ length }) => length) });
    },
  });
  return { entries: entries ?? [], answers };
}

function filesOf(entries: readonly PullEntry[]): readonly PullRequest[] {
  return entries.flatMap(({ type, path }) => (type === "file" ? [{ path }] : []));
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

/** The mapped root with these files, which somebody else put there. */
async function fill(fixture: Fixture, files: Readonly<Record<string, string>>): Promise<void> {
  await fixture.environment.makeDirectory(fixture.root.path);
  // oxlint-disable-next-line no-await-in-loop -- environments need not write several files at once
  for (const [name, bytes] of Object.entries(files)) await fixture.environment.writeFile(fixture.at(name), bytes);
}

const byPath = (entries: readonly PullEntry[]): readonly string[] =>
  entries.map(({ path, type, target }) => `${type} ${path}${target === undefined ? "" : ` -> ${target}`}`).toSorted();

/** Files that come from the container. */
export const pullRequirements: readonly Requirement[] = [
  {
    name: "a pull lists what is at and below a path, whatever its name, and sends the chosen files with their digests",
    needs: ["pull"],
    async check(fixture) {
      const files = Object.fromEntries(HOSTILE_NAMES.map((name, at) => [name, `${at} of ${name.length}`]));
      await fill(fixture, { ...files, empty: "", other: "not chosen" });
      await fixture.environment.makeDirectory(fixture.at("deep"));
      await fixture.environment.writeFile(fixture.at("deep/f"), "deep");
      const session = await fixture.open();
      const { entries, answers } = await pull(fixture, session, fixture.root.path, {
        requests: (listed) => filesOf(listed).filter(({ path }) => path !== "other"),
      });
      const listed = [...HOSTILE_NAMES, "empty", "other", "deep/f"].map((name) => `file ${name}`);
      assert.deepEqual(byPath(entries), ["directory ", "directory deep", ...listed].toSorted());
      const sent = Object.fromEntries(answers.map(({ request, bytes }) => [request.path, bytes]));
      const texts = Object.fromEntries(
        Object.entries({ ...files, empty: "", "deep/f": "deep" }).map(([name, text]) => [
          name,
          Buffer.from(text).toString("latin1"),
        ]),
      );
      assert.deepEqual(sent, texts);
      for (const { request, size, offset, bytes, digest } of answers) {
        assert.deepEqual([size, offset, digest], [bytes.length, 0, digestOf(bytes)], request.path);
      }
    },
  },
  {
    name: "a size that a pull states for a file is the number of its bytes",
    needs: ["pull"],
    async check(fixture) {
      const files = { empty: "", one: "1", "größe.txt": "größe", many: "x".repeat(300_000) };
      await fill(fixture, files);
      await fixture.environment.makeDirectory(fixture.at("12"));
      await fixture.environment.writeFile(fixture.at("12/34"), "twelve");
      const session = await fixture.open();
      const pulled = [
        await pull(fixture, session, fixture.root.path),
        await pull(fixture, session, fixture.at("one"), {}),
      ];
      for (const { entries, answers } of pulled) {
        const stated = new Map(entries.map(({ path, size }) => [path, size]));
        for (const { request, size } of answers) {
          const known = stated.get(request.path);
          if (known !== undefined) assert.equal(known, size, request.path);
        }
        for (const { path, type, size } of entries) {
          if (type !== "file") assert.equal(size, undefined, `${path} is a ${type} and has a size`);
        }
      }
    },
  },
  {
    name: "a pull of a single file lists it with an empty path",
    needs: ["pull"],
    async check(fixture) {
      await fill(fixture, { f: "one" });
      const { entries, answers } = await pull(fixture, await fixture.open(), fixture.at("f"));
      assert.deepEqual(byPath(entries), ["file "]);
      assert.deepEqual(
        answers.map(({ request, bytes }) => [request.path, bytes]),
        [["", "one"]],
      );
    },
  },
  {
    name: "a pull follows no link below the path, and reports where it leads",
    needs: ["pull"],
    hooks: ["makeLink"],
    async check(fixture) {
      const { environment } = fixture;
      await fill(fixture, { f: "inside" });
      const outside = posix.join(environment.folder, "outside");
      await environment.makeDirectory(outside);
      await environment.writeFile(posix.join(outside, "secret"), "outside");
      await environment.makeLink?.("../outside", fixture.at("folder"));
      await environment.makeLink?.("/etc/passwd", fixture.at("absolute"));
      await environment.makeLink?.("no\nwhere", fixture.at("dangling"));
      const { entries, answers } = await pull(fixture, await fixture.open(), fixture.root.path);
      const links = ["link absolute -> /etc/passwd", "link dangling -> no\nwhere", "link folder -> ../outside"];
      assert.deepEqual(byPath(entries), ["directory ", "file f", ...links].toSorted());
      assert.deepEqual(
        answers.map(({ request }) => request.path),
        ["f"],
      );
    },
  },
  {
    name: "a pull of a path that does not exist rejects with KINSYNC_PULL_PATH, and the session stays usable",
    needs: ["pull"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await expectError("KINSYNC_PULL_PATH", pull(fixture, session, fixture.at("missing")));
      await fixture.expectUsable(session);
    },
  },
  {
    name: "a pull sends only what follows the bytes that the caller has, and a file that begins with others whole",
    needs: ["pull"],
    async check(fixture) {
      const text = "0123456789".repeat(100);
      await fill(fixture, { part: text, whole: text, other: text, compared: text, grown: text });
      const have = (bytes: string) => ({ size: bytes.length, digest: digestOf(bytes) });
      const { answers } = await pull(fixture, await fixture.open(), fixture.root.path, {
        requests: () => [
          { path: "part", have: have(text.slice(0, 400)) },
          { path: "whole", have: have(text) },
          { path: "other", have: have("x".repeat(400)) },
          { path: "compared", have: have(text.slice(0, 400)), compareOnly: true },
          { path: "grown", have: have(`${text}more`) },
        ],
      });
      assert.deepEqual(
        answers.map(({ request, size, offset, bytes }) => [request.path, size, offset, bytes]),
        [
          ["part", 1_000, 400, text.slice(400)],
          ["whole", 1_000, 1_000, ""],
          ["other", 1_000, 0, text],
          ["compared", 1_000, 400, ""],
          ["grown", 1_000, 0, text],
        ],
      );
      assert.deepEqual(
        answers.filter(({ request }) => request.compareOnly !== true).map(({ digest }) => digest),
        Array.from({ length: 4 }, () => digestOf(text)),
      );
    },
  },
  {
    name: "a large file comes in chunks, and the next answer waits until the one before was taken",
    needs: ["pull"],
    async check(fixture) {
      const large = "0123456789abcdef".repeat(LARGE_BYTES / 16);
      await fill(fixture, { a: large, b: "b", c: "c" });
      let taking = 0;
      const { answers } = await pull(fixture, await fixture.open(), fixture.root.path, {
        requests: () => [{ path: "b" }, { path: "a" }, { path: "c" }],
        async onFile() {
          taking += 1;
          assert.equal(taking, 1, "two files were given to `take` at the same time");
          await new Promise((resolve) => setTimeout(resolve, 50));
          taking -= 1;
          return true;
        },
      });
      assert.deepEqual(
        answers.map(({ request }) => request.path),
        ["b", "a", "c"],
      );
      assert.ok(answers[1]?.bytes === large, "the bytes of the large file differ");
      const most = Math.max(...(answers[1]?.chunks ?? []));
      assert.ok(most <= MAX_CHUNK_BYTES, `a chunk has ${most} bytes`);
    },
  },
  {
    name: "a file whose bytes the caller does not read leaves the next one whole",
    needs: ["pull"],
    async check(fixture) {
      await fill(fixture, { a: "x".repeat(300_000), b: "b" });
      const { answers } = await pull(fixture, await fixture.open(), fixture.root.path, {
        requests: () => [{ path: "a" }, { path: "b" }],
        onFile: async ({ request }) => request.path !== "a",
      });
      assert.deepEqual(
        answers.map(({ request, bytes }) => [request.path, bytes]),
        [["b", "b"]],
      );
    },
  },
  {
    name: "a pull whose signal is aborted rejects with the reason, and the session stays usable",
    needs: ["pull"],
    async check(fixture) {
      await fill(fixture, { a: "x".repeat(300_000), b: "b" });
      const session = await fixture.openAndClaim();
      const stop = new AbortController();
      const reason = new Error("stopped by the caller");
      const taken: string[] = [];
      await assert.rejects(
        pull(fixture, session, fixture.root.path, {
          requests: () => [{ path: "a" }, { path: "b" }],
          signal: stop.signal,
          async onFile({ request }) {
            taken.push(request.path);
            stop.abort(reason);
            return false;
          },
        }),
        (error) => error === reason,
      );
      assert.deepEqual(taken, ["a"]);
      await fixture.expectUsable(session);
    },
  },
  {
    name: "a pull rejects with what `choose` or `take` rejects with, and the session stays usable",
    needs: ["pull"],
    async check(fixture) {
      await fill(fixture, { a: "a" });
      const session = await fixture.openAndClaim();
      const own = new Error("no room on this machine");
      const isOwn = (error: unknown): boolean => error === own;
      const onFile = (): Promise<boolean> => Promise.reject(own);
      await assert.rejects(pull(fixture, session, fixture.root.path, { onFile }), isOwn);
      const requests = (): never => {
        throw own;
      };
      await assert.rejects(pull(fixture, session, fixture.root.path, { requests }), isOwn);
      await fixture.expectUsable(session);
    },
  },
];
