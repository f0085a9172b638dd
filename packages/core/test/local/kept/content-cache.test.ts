import { hash } from "node:crypto";
import { chmod, mkdir, readdir, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ContentCache } from "../../../src/local/kept/content-cache.ts";
import type { Content, ContentStore } from "../../../src/mapping/content-store.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { tempFolder } from "../support/fixture.ts";

const never = new AbortController().signal;
const nothing = memoryContent([]);

function contentOf(text: string): Content {
  return { digest: hash("sha256", text), size: Buffer.byteLength(text) };
}

function storeOf(...texts: readonly string[]): ContentStore {
  return memoryContent(texts.map((text) => Buffer.from(text)));
}

async function read(store: ContentStore, content: Content): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.open(content, never)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

let folder: string;

beforeEach(async () => {
  folder = join(await tempFolder(), "cache", "content");
});

test("a file whose source is gone is read from its copy, also by the next process", async () => {
  {
    await using cache = await ContentCache.open({ folder });
    expect(await cache.keep([contentOf("one")], storeOf("one"), never)).toEqual([]);
    expect(await read(cache, contentOf("one"))).toBe("one");
  }
  await using next = await ContentCache.open({ folder });
  await next.keep([], nothing, never);
  expect(next.has(contentOf("one"))).toBe(true);
  expect(await read(next, contentOf("one"))).toBe("one");
});

test("a signal that aborts while a copy is opened ends the reading, and nothing else", async () => {
  await using cache = await ContentCache.open({ folder });
  await cache.keep([contentOf("one")], storeOf("one"), never);
  const stop = new AbortController();
  const first = cache.open(contentOf("one"), stop.signal).next();
  stop.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  // An error that nobody catches would end the process now.
  await new Promise((resolve) => setImmediate(resolve));
  expect(await read(cache, contentOf("one"))).toBe("one");
});

test("only the user reads the copies", async () => {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  await using cache = await ContentCache.open({ folder });
  await cache.keep([contentOf("secret")], storeOf("secret"), never);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const [below = ""] = await readdir(folder);
  expect((await stat(join(folder, below, contentOf("secret").digest))).mode & 0o077).toBe(0);
});

test("a folder that is a link is refused", async () => {
  const elsewhere = await tempFolder();
  await mkdir(join(folder, ".."), { recursive: true });
  await symlink(elsewhere, folder);
  await expect(ContentCache.open({ folder })).rejects.toMatchObject({ code: "KINSYNC_SOURCE_UNREADABLE" });
});

test("a copy that somebody changed is not served, and is kept anew", async () => {
  await using cache = await ContentCache.open({ folder });
  const content = contentOf("one");
  await cache.keep([content], storeOf("one"), never);
  await writeFile(join(folder, content.digest.slice(0, 2), content.digest), "two");
  await expect(read(cache, content)).rejects.toMatchObject({ code: "KINSYNC_SOURCE_CHANGED" });
  expect(cache.has(content)).toBe(false);
  await cache.keep([content], storeOf("one"), never);
  expect(await read(cache, content)).toBe("one");
});

test("a file whose bytes no longer exist is named, and the others are kept", async () => {
  await using cache = await ContentCache.open({ folder });
  const missing = await cache.keep([contentOf("gone"), contentOf("there")], storeOf("there"), never);
  expect(missing).toEqual([contentOf("gone")]);
  expect(await read(cache, contentOf("there"))).toBe("there");
  expect((await readdir(folder)).filter((name) => name.startsWith("new-"))).toEqual([]);
});

test("bytes that differ from what was asked for are not kept", async () => {
  await using cache = await ContentCache.open({ folder });
  const liar: ContentStore = {
    async *open() {
      yield Buffer.from("two");
    },
  };
  expect(await cache.keep([contentOf("one")], liar, never)).toEqual([contentOf("one")]);
  expect(cache.has(contentOf("one"))).toBe(false);
});

test("the copies that were used longest ago make room, and those of this call stay", async () => {
  await using cache = await ContentCache.open({ folder, maxBytes: 10 });
  await cache.keep([contentOf("aaaa")], storeOf("aaaa"), never);
  await later();
  await cache.keep([contentOf("bbbb")], storeOf("bbbb"), never);
  await later();
  // Used again: "bbbb" is the oldest now.
  await cache.keep([contentOf("aaaa")], nothing, never);
  await later();
  expect(await cache.keep([contentOf("cccc")], storeOf("cccc"), never)).toEqual([]);
  expect([contentOf("aaaa"), contentOf("bbbb"), contentOf("cccc")].map((each) => cache.has(each))).toEqual([
    true,
    false,
    true,
  ]);
  await later();
  const texts = ["1234", "5678", "90ab"];
  expect(await cache.keep(texts.map(contentOf), storeOf(...texts), never)).toEqual([contentOf("90ab")]);
});

test("the number of copies is limited, too, and a file above the limit is not kept", async () => {
  await using cache = await ContentCache.open({ folder, maxFiles: 2, maxFileBytes: 3 });
  const texts = ["a", "b", "c", "long"];
  expect(await cache.keep(texts.map(contentOf), storeOf(...texts), never)).toEqual([contentOf("c"), contentOf("long")]);
});

test("an unfinished copy of a process that was killed is removed after an hour", async () => {
  await mkdir(folder, { recursive: true });
  const [old, young] = [join(folder, "new-1-a"), join(folder, "new-2-b")];
  await Promise.all([writeFile(old, "x"), writeFile(young, "x")]);
  const before = (Date.now() - 2 * 3_600_000) / 1000;
  await utimes(old, before, before);
  await using cache = await ContentCache.open({ folder });
  await cache.keep([], nothing, never);
  expect(await readdir(folder)).toEqual(["new-2-b"]);
});

test("a local file is copied without being read, and what it holds is checked", async () => {
  const file = join(await tempFolder(), "f");
  await writeFile(file, "one");
  const local: ContentStore = { pathOf: () => file, open: (content, signal) => storeOf("one").open(content, signal) };
  await using cache = await ContentCache.open({ folder });
  expect(await cache.keep([contentOf("one")], local, never)).toEqual([]);
  expect(await read(cache, contentOf("one"))).toBe("one");
  await truncate(file, 1);
  const changed: ContentStore = { pathOf: () => file, open: (content, signal) => nothing.open(content, signal) };
  expect(await cache.keep([contentOf("two")], changed, never)).toEqual([contentOf("two")]);
});

test("an abort ends the copying, and names what was not copied", async () => {
  await using cache = await ContentCache.open({ folder });
  expect(await cache.keep([contentOf("one")], storeOf("one"), AbortSignal.abort())).toEqual([contentOf("one")]);
});

/** Until the clock shows another millisecond. */
async function later(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await new Promise((resolve) => setTimeout(resolve, 1));
}
