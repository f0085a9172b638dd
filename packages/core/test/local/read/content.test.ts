import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, mkdir, open, readdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Content, ContentStore } from "../../../src/mapping/content-store.ts";
import { LocalContent } from "../../../src/local/read/content.ts";
import { Scanner } from "../../../src/local/scan/scanner.ts";
import { specOf, tempFolder, watched, write } from "../support/fixture.ts";

const never = new AbortController().signal;
const SMALL = "print(1)\n";
const LARGE = "kinsync ".repeat(200_000);

function contentOf(text: string): Content {
  return { digest: createHash("sha256").update(text).digest("hex"), size: Buffer.byteLength(text) };
}

async function read(store: ContentStore, content: Content, signal = never): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.open(content, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** How many files this process has open; 0 where the system does not say. */
async function openFiles(): Promise<number> {
  return process.platform === "linux" ? (await readdir("/proc/self/fd")).length : 0;
}

let root: string;
let stale: string[];
let content: LocalContent;

beforeEach(async () => {
  root = await tempFolder();
  stale = [];
  content = new LocalContent({
    locate: (path) => ({ absolute: join(root, path), follow: false }),
    onStale: (path) => stale.push(path),
  });
});

describe.each([
  ["a small file", SMALL],
  ["a large file", LARGE],
])("%s", (_, text) => {
  const wanted = contentOf(text);

  test("is read by its digest", async () => {
    await write(root, { f: text });
    content.add("f", wanted);
    expect(await read(content, wanted)).toBe(text);
    expect(stale).toEqual([]);
  });

  test.each<readonly [what: string, why: string, change: (file: string) => Promise<unknown>]>([
    ["was overwritten", "its bytes are different", (file) => writeFile(file, text.replace("i", "I"))],
    ["was overwritten by more", "its bytes are different", (file) => writeFile(file, `x${text}`)],
    ["has shrunk", "its bytes are different|it has shrunk", (file) => truncate(file, 3)],
    ["was removed", "it was removed", (file) => rm(file)],
    [
      "was removed with its folder",
      "it was removed",
      async (file) => {
        await rm(file);
        await rm(join(file, ".."), { recursive: true });
        await writeFile(join(file, ".."), "now a file");
      },
    ],
    [
      "became a folder",
      "it is no longer a file",
      async (file) => {
        await rm(file);
        await mkdir(file);
      },
    ],
    [
      "became a link to the same bytes",
      "it is no longer a file",
      async (file) => {
        await rename(file, join(root, "elsewhere"));
        await symlink(join(root, "elsewhere"), file);
      },
    ],
    [
      "became a pipe",
      "",
      async (file) => {
        await rm(file);
        execFileSync("mkfifo", [file]);
      },
    ],
  ])("that %s is reported as changed, by name, and scanned again", async (_what, why, change) => {
    await write(root, { "folder/f": text });
    content.add("folder/f", wanted);
    await change(join(root, "folder/f"));
    await expect(read(content, wanted)).rejects.toMatchObject({
      code: "KINSYNC_SOURCE_CHANGED",
      retry: "retry",
      message: expect.stringMatching(new RegExp(`^${root}/folder/f changed on this machine .*(${why})`)) as string,
    });
    expect(stale).toEqual(["folder/f"]);
  });

  test("that has grown is read as it was, and scanned again", async () => {
    await write(root, { "folder/f": text });
    content.add("folder/f", wanted);
    await appendFile(join(root, "folder/f"), "another line\n");
    expect(await read(content, wanted)).toBe(text);
    expect(stale).toEqual(["folder/f"]);
  });

  test("is read from another path with the same bytes when the first one changed", async () => {
    await write(root, { a: text, b: text });
    content.add("a", wanted);
    content.add("b", wanted);
    await rm(join(root, "a"));
    expect(await read(content, wanted)).toBe(text);
    expect(stale).toEqual(["a"]);
  });

  test("that left the tree and still exists is read for the batches under way", async () => {
    await write(root, { f: text });
    content.add("f", wanted);
    content.remove("f", wanted);
    expect(await read(content, wanted)).toBe(text);
  });

  test("is not read after its signal was aborted", async () => {
    await write(root, { f: text });
    content.add("f", wanted);
    await expect(read(content, wanted, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});

test("reading a large file ends with its signal and closes the file", async () => {
  await write(root, { f: LARGE.repeat(4) });
  const wanted = contentOf(LARGE.repeat(4));
  content.add("f", wanted);
  const stop = new AbortController();
  const before = await openFiles();
  const reading = (async () => {
    for await (const _chunk of content.open(wanted, stop.signal)) stop.abort(new Error("enough"));
  })();
  await expect(reading).rejects.toThrow("enough");
  expect(await openFiles()).toBe(before);
});

test("a signal that aborts while a large file is opened ends the reading, and nothing else", async () => {
  await write(root, { f: LARGE });
  content.add("f", contentOf(LARGE));
  const stop = new AbortController();
  const before = await openFiles();
  const first = content.open(contentOf(LARGE), stop.signal)[Symbol.asyncIterator]().next();
  stop.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  // An error that nobody catches would end the process now.
  await new Promise((resolve) => setImmediate(resolve));
  expect(await openFiles()).toBe(before);
});

test.each([
  ["EACCES", "permission denied", "Make it readable"],
  ["EIO", "the disk reported an input/output error", "Make it readable"],
  ["EMFILE", "too many open files", "ulimit -n"],
])("a file that fails with %s is unreadable on this machine", async (code, why, hint) => {
  await write(root, { f: LARGE });
  const wanted = contentOf(LARGE);
  content.add("f", wanted);
  await using file = await open(join(root, "f"));
  vi.spyOn(Object.getPrototypeOf(file) as typeof file, "stat").mockRejectedValueOnce(
    Object.assign(new Error(`${code}: no, stat`), { code }),
  );
  await expect(read(content, wanted)).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_UNREADABLE",
    retry: "retry",
    message: `${join(root, "f")} cannot be read on this machine: ${why}`,
    hint: expect.stringContaining(hint) as string,
  });
  expect(stale).toEqual([]);
});

test("empty content needs no file", async () => {
  expect(await read(content, contentOf(""))).toBe("");
});

test("content that no file ever had is reported as changed", async () => {
  await expect(read(content, contentOf("never"))).rejects.toMatchObject({ code: "KINSYNC_SOURCE_CHANGED" });
});

test("digests of earlier trees are bounded", async () => {
  await write(root, { f: "version 0" });
  for (let version = 0; version < 3_000; version++) {
    content.add("f", contentOf(`version ${version}`));
    content.remove("f", contentOf(`version ${version}`));
  }
  await expect(read(content, contentOf("version 0"))).rejects.toThrow("no file has these bytes");
  // Of the newest one the path is still known, so the message names the file.
  await expect(read(content, contentOf("version 2999"))).rejects.toThrow(join(root, "f"));
});

test("a scanner serves the bytes of its tree: moved, changed, removed and ignored files", async () => {
  await write(root, { "a.py": "a", "b.py": "b", ".gitignore": "" });
  const scanner = new Scanner(specOf(root, { ignoreFiles: [".gitignore"] }));
  await scanner.scan(never);
  await rename(join(root, "a.py"), join(root, "c.py"));
  await write(root, { "b.py": "B", ".gitignore": "secret\n", secret: "s" });
  await scanner.scan(never);
  expect(await read(scanner.content, contentOf("a"))).toBe("a");
  expect(await read(scanner.content, contentOf("B"))).toBe("B");
  await expect(read(scanner.content, contentOf("b"))).rejects.toThrow(`${root}/b.py changed`);
  await expect(read(scanner.content, contentOf("s"))).rejects.toThrow("no file has these bytes");
});

test("a mapped single file is read through the link that names it", async () => {
  await write(root, { real: SMALL });
  await symlink(join(root, "real"), join(root, "link"));
  const scanner = new Scanner(specOf(join(root, "link")));
  await scanner.scan(never);
  expect(await read(scanner.content, contentOf(SMALL))).toBe(SMALL);
});

test("reading bytes that changed without an event makes the source settle on the new ones", async () => {
  await write(root, { f: "old" });
  const deaf = () => ({ ready: Promise.resolve(), watched: () => undefined, [Symbol.asyncDispose]: async () => {} });
  const { source, until } = await watched(specOf(root), { openEvents: deaf });
  const state = await until((now) => now.state === "present");
  if (state.state !== "present") throw new Error("unreachable");
  await write(root, { f: "new" });
  await expect(read(state.content, contentOf("old"))).rejects.toMatchObject({ code: "KINSYNC_SOURCE_CHANGED" });
  await until(
    (now) => now.state === "present" && now.tree.entries.get("f")?.type === "file" && now.tree !== state.tree,
  );
  const now = source.current;
  expect(now?.state === "present" && now.tree.entries.get("f")).toMatchObject({ digest: contentOf("new").digest });
});
