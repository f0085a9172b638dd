import { existsSync } from "node:fs";
import { loadKindCases, type KindCase } from "@kinsync/core/testing";
import type { BuiltInKind } from "../../packages/cli/src/setup/built-in-kinds.ts";

/** Folder of the package that has the code of a built-in kind; ends in a slash. */
export function packageFolder({ package: name }: Pick<BuiltInKind, "package">): URL {
  return new URL(`../../packages/${name.replace("@kinsync/", "")}/`, import.meta.url);
}

/** The fixtures of a built-in kind: a package of several kinds has a folder for each of them. */
export function fixturesOf(kind: BuiltInKind): readonly KindCase[] {
  const folder = new URL("test/fixtures/", packageFolder(kind));
  const own = new URL(`${kind.name}/`, folder);
  return loadKindCases(existsSync(own) ? own : folder);
}
