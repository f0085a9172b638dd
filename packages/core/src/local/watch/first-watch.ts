import { pause } from "../../time/deadline.ts";
import type { SourceState } from "../source.ts";

/** To watch so many files takes this program as long as to send the first of them. */
const MANY_FILES = 1_000;
const AFTER_MS = 1_000;

/** Lets the first sync of many files begin before they are watched. The scan that follows finds what changed meanwhile. */
export async function untilWatchIsDue(state: SourceState | undefined, signal: AbortSignal): Promise<void> {
  if (state?.state === "present" && state.tree.entries.size >= MANY_FILES) await pause(AFTER_MS, signal);
}
