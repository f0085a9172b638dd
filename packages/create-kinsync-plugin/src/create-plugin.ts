import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PluginSpec } from "./spec.ts";
import { filesOf } from "./templates.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Writes the skeleton of a plugin: a package with its sources, cases, the conformance kit and a page.
 *
 * @param folder absolute; it is created, or empty. A folder with content is refused, and no file is ever replaced
 * @returns POSIX paths of the files, relative to the folder
 * @throws UsageError where the folder has content
 */
export async function createPlugin(spec: PluginSpec, folder: string): Promise<readonly string[]> {
  await refuseContent(folder);
  const files = await filesOf(spec);
  for (const { path, text } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text, { flag: "wx" });
  }
  return files.map(({ path }) => path);
}

/** A clone that was just created has `.git` and nothing else. */
async function refuseContent(folder: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") {
      throw new UsageError(`${folder} is a file`, "Name another folder.");
    }
    throw error;
  }
  const content = names.filter((name) => name !== ".git");
  if (content.length === 0) return;
  throw new UsageError(
    `${folder} is not empty: it has ${content.slice(0, 3).join(", ")}${content.length > 3 ? ", …" : ""}`,
    "Name a new or empty folder. Existing files are never replaced.",
  );
}
