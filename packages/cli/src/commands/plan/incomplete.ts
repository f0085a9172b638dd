import type { PlannedWorkload } from "@kinsync/core/project";

type Source = PlannedWorkload["sources"][number];

/** The local files of a mapping are not all known: nothing of it may be sent, or some paths cannot be read. */
export function isIncomplete({ halted, unread = 0 }: Source): boolean {
  return halted !== undefined || unread > 0;
}

/** Number of local paths of a mapping that no container would get, since they cannot be read. */
export function unreadOf({ sources }: Pick<PlannedWorkload, "sources">, mapping: string): number {
  return sources.find((each) => each.mapping === mapping)?.unread ?? 0;
}
