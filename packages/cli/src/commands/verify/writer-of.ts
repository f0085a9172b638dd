import type { PlannedRoot } from "@kinsync/core/project";
import { clean } from "../../render/text.ts";
import { withLocalTimes } from "../../render/units.ts";

/** Which run wrote a mapped root last, and when: `snapshot 7 of ada@laptop, 18:01:02`. */
export function writerOf({ marker }: PlannedRoot): string {
  if (marker === undefined) return "kinsync has written nothing here";
  const when = marker.at === undefined ? "" : `, ${withLocalTimes(clean(marker.at))}`;
  return `snapshot ${marker.snapshot} of ${clean(marker.owner === "" ? "an unnamed run" : marker.owner)}${when}`;
}
