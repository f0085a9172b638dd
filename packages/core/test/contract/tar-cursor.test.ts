import { expect, test } from "vitest";
import { TarCursor } from "../../src/contract/tar-cursor.ts";
import { createBatch } from "../../src/testing/index.ts";

const root = { path: "/r", shape: "directory", key: "k" } as const;

test("the bytes of each member and the complete members are known at every point, however the tar is cut", async () => {
  const sizes = [5, 0, 513, 512, 2_000];
  const batch = await createBatch(root, [
    ...sizes.map((size, index) => ({ file: `${"ü".repeat(60)}${index}`, bytes: Buffer.alloc(size, index) })),
    { directory: "d" },
  ]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of batch.archive.chunks(AbortSignal.timeout(5_000))) chunks.push(chunk);
  const tar = Buffer.concat(chunks);
  for (const step of [1, 100, 512, 700, tar.length]) {
    const seen = new Map<number, number>();
    const whole: number[] = [];
    const cursor = new TarCursor((member, bytes) => seen.set(member, (seen.get(member) ?? 0) + bytes.length));
    for (let at = 0; at < tar.length; at += step) {
      cursor.push(tar.subarray(at, at + step));
      whole.push(cursor.whole);
      for (const [member, size] of seen) expect(member < cursor.whole).toBe(size === (sizes[member] ?? 0));
    }
    expect(whole.at(-1)).toBe(sizes.length + 1);
    expect(sizes.map((_, index) => seen.get(index) ?? 0)).toEqual(sizes);
  }
});
