import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KindPlugin } from "../../contract/kind.ts";
import { loadRulesFile } from "../../plugins/load-rules.ts";
import { historyConformance } from "../histories/history-conformance.ts";
import { kindConformance } from "./kind-conformance.ts";
import { loadHistories, loadKindCases } from "./load-folder.ts";

/** The result of one requirement. */
export interface KindTestResult {
  readonly name: string;
  /** What was found; `undefined` where the requirement is met. */
  readonly problem: string | undefined;
}

/** Options of `testKindFolder`. */
export interface KindFolderOptions {
  /** The other loaded kinds, for children that the rules delegate. Default: none. */
  readonly kinds?: readonly KindPlugin[];
}

/**
 * Checks all files of rules of a folder as `kindConformance` and `historyConformance` do, without a test runner. A file
 * `NAME.kind.yaml` has its cases in `fixtures/CASE/`, or in `fixtures/NAME/CASE/` where the folder has several files; its recorded
 * histories are in `histories/`, or `histories/NAME/`.
 *
 * @param folder absolute path
 * @throws Error where the folder has no file of rules, or a file has no cases; `KINSYNC_PLUGIN_RULES`, `KINSYNC_CONFIG_PARSE`
 */
export async function testKindFolder(
  folder: string,
  options: KindFolderOptions = {},
): Promise<readonly KindTestResult[]> {
  const files = readdirSync(folder).filter((file) => /\.kind\.(?:ya?ml|json)$/.test(file));
  if (files.length === 0) throw new Error(`${folder} has no file of rules: NAME.kind.yaml`);
  const loaded: { readonly name: string; readonly kind: KindPlugin }[] = [];
  for (const file of files.toSorted()) {
    const { plugin } = await loadRulesFile(join(folder, file), { shown: file });
    loaded.push({ name: file.slice(0, file.indexOf(".kind.")), kind: plugin });
  }
  const results: KindTestResult[] = [];
  const test = (name: string, run: () => void): void => {
    results.push({ name, problem: problemOf(run) });
  };
  for (const { name, kind } of loaded) {
    const own = loaded.filter((other) => other.kind !== kind).map((other) => other.kind);
    const others = (options.kinds ?? []).filter(
      ({ root }) => ![kind, ...own].some((mine) => isSameRoot(mine.root, root)),
    );
    const cases = subfolder(folder, "fixtures", name);
    if (cases === undefined) throw new Error(`${name} has no cases in ${join(folder, "fixtures")}`);
    kindConformance(kind, loadKindCases(cases), { test, kinds: [...own, ...others] });
    const histories = subfolder(folder, "histories", name);
    if (histories !== undefined) historyConformance(kind, loadHistories(histories), { test });
  }
  return results;
}

function subfolder(folder: string, what: string, name: string): URL | undefined {
  const path = [join(folder, what, name), join(folder, what)].find((each) => existsSync(each));
  return path === undefined ? undefined : pathToFileURL(`${path}/`);
}

function isSameRoot(a: KindPlugin["root"], b: KindPlugin["root"]): boolean {
  return a.group === b.group && a.plural === b.plural;
}

function problemOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
