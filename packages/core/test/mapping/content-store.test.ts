import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { checkedContent, type Content, type ContentStore } from "../../src/mapping/content-store.ts";
import { memoryContent } from "../../src/mapping/memory-content.ts";

const never = new AbortController().signal;

function contentOf(text: string): Content {
  return { digest: createHash("sha256").update(text).digest("hex"), size: Buffer.byteLength(text) };
}

function storeOf(...chunks: readonly string[]): ContentStore {
  return {
    async *open() {
      for (const chunk of chunks) yield Buffer.from(chunk);
    },
  };
}

async function read(store: ContentStore, content: Content, signal = never): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.open(content, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("a store in memory yields the bytes of a digest, and reports unknown ones as changed", async () => {
  const store = memoryContent([Buffer.from("one"), Buffer.from("two")]);
  expect(await read(store, contentOf("two"))).toBe("two");
  await expect(read(store, contentOf("three"))).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_CHANGED",
    retry: "retry",
  });
  await expect(read(store, contentOf("one"), AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
});

test("a checked store passes the right bytes on", async () => {
  expect(await read(checkedContent(storeOf("he", "", "llo")), contentOf("hello"))).toBe("hello");
});

test.each([
  ["other bytes of the same size", ["hellO"], "its bytes are different"],
  ["fewer bytes", ["hell"], "it has shrunk"],
  ["more bytes", ["hello", "!"], "it has grown"],
])("a checked store reports %s as changed", async (_, chunks, why) => {
  await expect(read(checkedContent(storeOf(...chunks)), contentOf("hello"))).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_CHANGED",
    message: expect.stringContaining(why) as string,
  });
});
