import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TransportEnvironment } from "@kinsync/core/testing";

const ROOT = resolve(import.meta.dirname, "../../..");
const EXAMPLE = join(ROOT, "examples/own-transport");
const FILES = ["share.ts", "share-session.ts", "share-pull.ts", "share.environment.ts"] as const;

/** A mistake in the source of examples/own-transport: the first text is replaced by the second. */
export interface SourceChange {
  readonly file: "share.ts" | "share-session.ts" | "share-pull.ts";
  readonly from: string;
  readonly to: string;
}

/** A copy of the example with one mistake. The caller disposes of it. */
export async function plant({ file, from, to }: SourceChange) {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-planted-"));
  for (const name of FILES) {
    const source = await readFile(join(EXAMPLE, name), "utf8");
    const parts = name === file ? source.split(from) : [source];
    if (name === file && parts.length !== 2) {
      throw new Error(`${file} contains the text ${parts.length - 1} times: ${from}`);
    }
    const changed = parts
      .join(to)
      .replaceAll(/"@kinsync\/core\/(\w+)"/g, (_, part: string) =>
        JSON.stringify(join(ROOT, `packages/core/src/${part}/index.ts`)),
      );
    await writeFile(join(folder, name), changed);
  }
  const { makeShareEnvironment } = (await import(join(folder, "share.environment.ts"))) as {
    readonly makeShareEnvironment: () => Promise<TransportEnvironment>;
  };
  return {
    makeEnvironment: makeShareEnvironment,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
