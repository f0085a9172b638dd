import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { SourceState } from "../../src/local/source.ts";
import { pathsOf, specOf, tempFolder, watched, write } from "./support/fixture.ts";

const signal = AbortSignal.timeout(600_000);

/** Reads the bytes of a path as a batch would. @returns `undefined` if the path is not in the tree */
async function bytesOf(state: SourceState | undefined, path: string): Promise<string | undefined> {
  const entry = state?.state === "present" ? state.tree.entries.get(path) : undefined;
  if (state?.state !== "present" || entry?.type !== "file") return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of state.content.open(entry, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("a file that changes whenever it is read is left out, is not deleted, and is back when it is at rest", async () => {
  const root = await tempFolder();
  await write(root, { "app.db": "0", "other.txt": "x" });
  const { source, until, notes } = await watched(specOf(root));
  let stale = 0;
  for (let at = 1; pathsOf(source.current).includes("app.db"); at += 1) {
    await writeFile(join(root, "app.db"), `${at}`);
    await bytesOf(source.current, "app.db").catch(() => (stale += 1));
    await delay(2);
    if (at > 5_000) throw new Error(`still in the tree after ${stale} stale reads`);
  }
  const state = source.current;
  expect(pathsOf(state)).toEqual(["other.txt"]);
  expect(state?.state === "present" && state.isIgnored("app.db", false)).toBe(true);
  expect(notes).toEqual([`${root}/app.db changes faster than it can be sent: it is left out until it is at rest`]);
  await writeFile(join(root, "app.db"), "last");
  const rested = await until((each) => pathsOf(each).includes("app.db"));
  expect(await bytesOf(rested, "app.db")).toBe("last");
});

test("a file that only grows is never left out", async () => {
  const root = await tempFolder();
  await write(root, { "app.log": "line\n" });
  const { source, notes } = await watched(specOf(root));
  for (let at = 0; at < 200; at += 1) {
    await appendFile(join(root, "app.log"), "line\n");
    expect(await bytesOf(source.current, "app.log")).toMatch(/^(line\n)+$/);
  }
  expect(notes).toEqual([]);
});
