import type { ArchivePool } from "../archive/archive-pool.ts";
import { partsOf } from "../plan/batches.ts";
import { divide } from "../plan/division.ts";
import { Ledger } from "../plan/ledger.ts";
import type { ModePolicy } from "../plan/modes.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";

export interface PackAheadOptions {
  readonly root: DesiredRoot;
  readonly modes: ModePolicy;
  /** As in `DeliveryOptions`. */
  readonly largeFileBytes: number | undefined;
  readonly archives: ArchivePool;
}

/** Begins to pack what a root that holds nothing will need, so that it is ready when the root is claimed. */
export function packAhead({ root, modes, largeFileBytes, archives }: PackAheadOptions): void {
  const ledger = Ledger.empty(modes);
  const { entries } = ledger.plan(root.tree, planScope(root));
  const { now } = divide(entries, (path) => ledger.bytesOf(path), largeFileBytes);
  const [first = []] = partsOf(now);
  if (first.length > 0) archives.ahead(first, root.content);
}
