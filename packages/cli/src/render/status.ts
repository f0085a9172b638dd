import type { TargetStatus } from "@kinsync/core";
import type { Paint } from "./color.ts";
import type { Problem } from "./causes.ts";

/** The words of every line and row for a target's status. */
const WORDS = {
  synced: { word: "up to date", color: "green" },
  syncing: { word: "syncing", color: "cyan" },
  accepted: { word: "delivered", color: "cyan" },
  waiting: { word: "waiting", color: "yellow" },
  stale: { word: "out of date", color: "yellow" },
  halted: { word: "stopped", color: "yellow" },
  failed: { word: "failed", color: "red" },
  unread: { word: "unreadable", color: "red" },
  command: { word: "command failed", color: "red" },
} as const satisfies Record<
  TargetStatus | Problem["status"],
  { readonly word: string; readonly color: Parameters<Paint>[0] }
>;

/** A target's status in its color, after a number of targets where one is given. */
export function statusWord(status: keyof typeof WORDS, paint: Paint, number?: number): string {
  const { word, color } = WORDS[status];
  return paint(color, number === undefined ? word : `${number} ${word}`);
}
