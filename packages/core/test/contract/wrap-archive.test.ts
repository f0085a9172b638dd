import { expect, test } from "vitest";
import type { Archive } from "../../src/contract/batch.ts";
import { wrapArchive } from "../../src/contract/wrap-archive.ts";

const piece = { size: 2, bytes: Uint8Array.of(9), isGzip: true, entries: 1 };
const plain: Archive = {
  size: 2,
  async *chunks() {
    yield Uint8Array.of(1, 2);
  },
};
const both: Archive = {
  ...plain,
  async *compressed() {
    yield piece;
  },
};

async function all<T>(parts: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

test("a wrapped archive has the same forms, and each form passes through", async () => {
  const seen: number[] = [];
  const wrap = (archive: Archive): Archive =>
    wrapArchive(archive, async function* through(parts, bytes) {
      for await (const part of parts) {
        seen.push(bytes(part));
        yield part;
      }
    });
  const signal = AbortSignal.timeout(1_000);
  expect("compressed" in wrap(plain)).toBe(false);
  const wrapped = wrap(both);
  expect(await all(wrapped.chunks(signal))).toEqual([Uint8Array.of(1, 2)]);
  expect(await all(wrapped.compressed?.(signal) ?? [])).toEqual([piece]);
  expect(seen).toEqual([2, 2]);
});
