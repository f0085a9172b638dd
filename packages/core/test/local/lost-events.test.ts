import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FileEventsOptions } from "../../src/local/watch/file-events.ts";
import { pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

/** No event ever comes: only scans find changes. */
const deaf = {
  openEvents: () => ({
    ready: Promise.resolve(),
    watched: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
};

test("more than 5,000 changes at once lead to a full scan and a note", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  let opened: FileEventsOptions | undefined;
  const { source, untilNote, until } = await watched(specOf(root), {
    heartbeatMs: 600_000,
    openEvents: (options) => {
      opened = options;
      return deaf.openEvents();
    },
  });
  await source.rescan();
  await write(root, { silent: "2" });
  for (let i = 0; i < 6_000; i++) opened?.onEvent(join(root, `f${i}`));
  await untilNote("more than 5,000 changes at once");
  expect(pathsOf(await until((state) => pathsOf(state).includes("silent")))).toEqual(["a", "silent"]);
});

test("at the system's limit of watches a note names the limit, and files are scanned every second", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  const { untilNote, until, notes } = await watched(specOf(root), {
    heartbeatMs: 20,
    openEvents: (options) => {
      options.onError(Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" }));
      return deaf.openEvents();
    },
  });
  await untilNote("fs.inotify.max_user_watches");
  await writeFile(join(root, "b"), "without an event");
  await until((state) => pathsOf(state).includes("b"));
  expect(notes.filter((note) => note.includes("max_user_watches"))).toHaveLength(1);
});

test("changes without events are found by the regular full scan, and on request", async () => {
  const root = await tempFolder();
  await write(root, { a: "1" });
  const { source, until } = await watched(specOf(root), { ...deaf, heartbeatMs: 20, fullScanMs: 200 });
  await writeFile(join(root, "b"), "without an event");
  await until((state) => pathsOf(state).includes("b"));
  const quiet = await watched(specOf(root), deaf);
  await writeFile(join(root, "c"), "without an event");
  expect(pathsOf(await quiet.source.rescan())).toEqual(["a", "b", "c"]);
  expect(source).not.toBe(quiet.source);
});

test("a folder that the events left out is watched after a reopening", async () => {
  const root = await tempFolder();
  await write(root, { "known/a": "1" });
  const opened: FileEventsOptions[] = [];
  const { source, until } = await watched(specOf(root), {
    heartbeatMs: 600_000,
    openEvents: (options) => {
      opened.push(options);
      const folders = new Set([root, join(root, "known"), ...(opened.length > 1 ? [join(root, "lost")] : [])]);
      return { ...deaf.openEvents(), watched: () => folders };
    },
  });
  await write(root, { "lost/b": "2" });
  await source.rescan();
  await expect.poll(() => opened.length, { timeout: 10_000 }).toBe(2);
  await writeFile(join(root, "lost/c"), "3");
  opened[1]?.onEvent(join(root, "lost/c"));
  await until((state) => pathsOf(state).includes("lost/c"));
});
