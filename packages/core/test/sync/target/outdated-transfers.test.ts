import { expect, test } from "vitest";
import type { ContentStore } from "../../../src/mapping/content-store.ts";
import { TargetFixture, type MappedFiles } from "./support/target-fixture.ts";

const LARGE_BYTES = 5 * 1024 * 1024;
const LARGE = "x".repeat(LARGE_BYTES);

/** From now on large files are read only after `release`. */
function slowly(files: MappedFiles): { readonly release: () => void; readonly begun: Promise<void> } {
  const released = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  files.reading = (content): ContentStore => ({
    async *open(wanted, signal) {
      if (wanted.size >= LARGE_BYTES) {
        begun.resolve();
        const isOver = Promise.withResolvers<void>();
        signal.addEventListener("abort", () => isOver.resolve(), { once: true });
        await Promise.race([released.promise, isOver.promise]);
        signal.throwIfAborted();
      }
      yield* content.open(wanted, signal);
    },
  });
  return { release: () => released.resolve(), begun: begun.promise };
}

test.each<[string, readonly string[]]>([
  ["in the only root", ["src"]],
  ["in a root with a session of its own", ["src", "other"]],
])("a transfer stops at once when its large file was removed, %s", async (_where, ids) => {
  await using target = new TargetFixture();
  target.largeRootBytes = LARGE_BYTES;
  const all = ids.map((id) => target.files(id));
  const [src] = all;
  if (src === undefined) throw new Error("no files");
  for (const each of all) each.set({ a: "1" });
  target.start({ files: all });
  await target.until(() => target.worker.status === "synced");
  const { begun } = slowly(src);
  src.set({ a: "1", model: LARGE });
  await begun;
  src.set({ a: "2" });
  await target.until(() => target.container.seen("src")["a"] === "2" && target.worker.status === "synced");
  expect(target.container.seen("src")).toEqual({ a: "2" });
  expect(target.events.filter((event) => event.startsWith("retry"))).toEqual([]);
  expect(target.container.openSessions).toBe(ids.length);
});

test("a large file that changes while it is sent arrives before its next version", async () => {
  await using target = new TargetFixture();
  const src = target.files("src");
  src.set({ a: "1" });
  target.start({ files: [src] });
  await target.until(() => target.worker.status === "synced");
  const { begun, release } = slowly(src);
  src.set({ model: LARGE });
  await begun;
  src.set({ model: `${LARGE}y` });
  release();
  await target.until(() => target.container.seen("src")["model"]?.length === LARGE_BYTES + 1);
  expect(target.container.log.filter((line) => line.startsWith("commit"))).toEqual([
    "commit src file a",
    "commit src delete a",
    "commit src file model",
    "commit src file model",
  ]);
});
