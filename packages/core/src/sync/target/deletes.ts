import type { InventoryEntry, Origin } from "../../contract/inventory.ts";
import { KinsyncError, isKinsyncError } from "../../errors/error.ts";
import type { Inventory } from "../../contract/transport.ts";
import type { Plan } from "../plan/plan.ts";
import type { DesiredRoot } from "./desired-state.ts";

/** Deletes in one mapped root that need consent: files that kinsync did not create, or that a run from another folder did. */
export interface Deletes {
  /** Relative to the mapped root, sorted. All of them. */
  readonly paths: readonly string[];
  /** Bytes of file content that is lost. */
  readonly bytes: number;
  /** Where the files came from, if another folder's run placed them. `undefined`: kinsync did not create them. */
  readonly origin: Origin | undefined;
}

/** Whether all these paths of a mapped root may be deleted. */
export type MayDelete = (root: DesiredRoot, paths: readonly string[]) => boolean;

/** Limit of paths in the message. */
const MAX_NAMED = 5;

export function deletesOf(entries: Iterable<InventoryEntry>, origin: Origin | undefined): Deletes {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    paths: sorted.map(({ path }) => path),
    bytes: sorted.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0),
    origin,
  };
}

/** Everything that a plan deletes or replaces by another type. @param inventory that the plan was made from */
export function deletesOfPlan(plan: Plan, inventory: Inventory, origin: Origin | undefined): Deletes {
  const gone = new Set(plan.entries.flatMap(({ op, path }) => (op === "delete" ? [path] : [])));
  for (const { path } of plan.foreign) gone.add(path);
  return deletesOf(
    inventory.entries.filter(({ path }) => gone.has(path)),
    origin,
  );
}

/** The error that halts a mapped root until the user consents. @param target `pod/NAME, container NAME` */
export function deletesError(target: string, { mapping }: DesiredRoot, deletes: Deletes): KinsyncError {
  const { paths, origin } = deletes;
  const count = paths.length;
  const named = paths.slice(0, MAX_NAMED).join(", ");
  const list = count > MAX_NAMED ? `${named} and ${count - MAX_NAMED} more` : named;
  const entries = count === 1 ? "1 entry" : `${count} entries`;
  const why =
    origin === undefined
      ? `\`mirror: true\` would delete ${entries} that kinsync did not create`
      : `this run would delete ${entries} that came from ${origin.folder} on ${origin.host}`;
  const instead = origin === undefined ? "remove `mirror: true` from the mapping" : "map to another path";
  return new KinsyncError("KINSYNC_TARGET_DELETES", `${target}: ${why}, in ${mapping.to}: ${list}`, {
    hint: `To delete them, pass \`--allow-deletes\`. To keep them, ${instead}.`,
    details: { mapping: mapping.id, deletes },
  });
}

/** The deletes that halted a mapped root; `undefined` for any other error. */
export function haltedDeletes(error: unknown): Deletes | undefined {
  if (!isKinsyncError(error) || error.code !== "KINSYNC_TARGET_DELETES") return undefined;
  return error.details["deletes"] as Deletes;
}

/** The error that decides the status of a target: a failure outranks a halt, which was reported with its mapping. */
export function foremost(errors: readonly KinsyncError[]): KinsyncError | undefined {
  return errors.find(({ code }) => code !== "KINSYNC_TARGET_DELETES") ?? errors[0];
}
