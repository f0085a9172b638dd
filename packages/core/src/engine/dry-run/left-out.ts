import { listLeftOut } from "../../local/ignore/left-out.ts";
import type { MappingSnapshot } from "../snapshot.ts";
import type { LeftOut } from "./plan-types.ts";

/** Limit of listed paths of one mapping. */
const MAX_PATHS = 10_000;

/** The local paths of a mapped folder that the ignore rules exclude, each with its rule. Folders that cannot be read are skipped. */
export async function leftOutOf(
  { mapping, tree }: Pick<MappingSnapshot, "mapping" | "tree">,
  signal: AbortSignal,
): Promise<readonly LeftOut[]> {
  if (tree?.shape !== "directory") return [];
  const { paths } = await listLeftOut(mapping, { signal, limit: MAX_PATHS });
  return paths.map(({ path, isDirectory, rule: { pattern, where } }) => ({
    mapping: mapping.id,
    path: isDirectory ? `${path}/` : path,
    rule: `${pattern} (${where})`,
  }));
}
