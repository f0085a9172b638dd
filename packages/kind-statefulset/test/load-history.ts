import { readFileSync } from "node:fs";
import type { HistoryEvent } from "@kinsync/core/testing";

/** A history that was recorded on a Kubernetes 1.34, one event a line, reduced to what the kind could read. */
export function loadHistory(name: string): HistoryEvent[] {
  return readHistoryFile(`${name}.jsonl`).map((line) => JSON.parse(line) as HistoryEvent);
}

/** The changes that are known to be right, line by line. */
export function loadTranscript(name: string): string[] {
  return readHistoryFile(`${name}.txt`);
}

function readHistoryFile(file: string): string[] {
  return readFileSync(new URL(`./histories/${file}`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
