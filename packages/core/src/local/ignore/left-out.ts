import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { SourceSpec } from "../source.ts";
import { Scanner } from "../scan/scanner.ts";
import { readNames } from "../read/names.ts";
import { comparePaths } from "../../mapping/tree.ts";
import type { RuleOrigin } from "./ignored-by.ts";

/** The rule that leaves a path out. */
export type LeavingRule = RuleOrigin;

/** A path that a mapping leaves out. Of a folder, only the folder is listed. */
export interface LeftOutPath {
  /** Relative to `from`, POSIX. */
  readonly path: string;
  readonly isDirectory: boolean;
  readonly rule: LeavingRule;
}

export interface LeftOut {
  /** Sorted. At most `limit`. */
  readonly paths: readonly LeftOutPath[];
  /** Number of all paths that are left out; more than `paths` has where the limit is reached. */
  readonly count: number;
}

export interface LeftOutOptions {
  readonly signal: AbortSignal;
  /** Default: 1,000. */
  readonly limit?: number;
}

/** Which paths of a mapping are left out, and by which rule. Takes a `ResolvedMapping`. Of a mapped single file, none. */
export async function listLeftOut(
  mapping: Pick<SourceSpec, "from" | "ignore" | "ignoreDefaults" | "ignoreFiles">,
  { signal, limit = 1_000 }: LeftOutOptions,
): Promise<LeftOut> {
  const scanner = new Scanner({ ...mapping, fileName: "" });
  await scanner.scan(signal);
  if (scanner.shape !== "directory") return { paths: [], count: 0 };
  const { rules } = scanner;
  const paths: LeftOutPath[] = [];
  let count = 0;
  for (const folder of scanner.folders()) {
    for (const path of childrenOf(mapping.from, folder)) {
      const isDirectory = lstatSync(join(mapping.from, path), { throwIfNoEntry: false })?.isDirectory() ?? false;
      const rule = rules.ruleOf(path, isDirectory);
      if (rule === undefined) continue;
      count += 1;
      paths.push({ path, isDirectory, rule });
    }
    signal.throwIfAborted();
  }
  return { paths: paths.sort((a, b) => comparePaths(a.path, b.path)).slice(0, limit), count };
}

function childrenOf(from: string, folder: string): readonly string[] {
  try {
    return readNames(join(from, folder)).names.map((name) => (folder === "" ? name : `${folder}/${name}`));
  } catch {
    return [];
  }
}
