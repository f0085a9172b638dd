import type { EngineEvent } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { stateWord } from "./state.ts";
import { clean, cleanLines, cut } from "./text.ts";
import { bytes, count, duration } from "./units.ts";
import type { PrefixOf } from "./workload-names.ts";

export interface LineStyle {
  readonly paint: Paint;
  /** The workload in front of each line. */
  readonly prefixOf: PrefixOf;
}

/** One event as a line for people; `undefined` for what another line tells already. */
export function formatEvent(event: EngineEvent, { paint, prefixOf }: LineStyle): string | undefined {
  const line = sentenceOf(event, paint);
  return line === undefined ? undefined : `${prefixOf(event)}${line}`;
}

function sentenceOf(event: EngineEvent, paint: Paint): string | undefined {
  switch (event.event) {
    case "ready":
      return `${paint("bold", "ready")}: ${count(event.members, "member")}, ${event.synced} of ${count(event.targets, "target")} in step`;
    case "member":
      return `member ${clean(event.pod)}${part(event)}: ${stateWord(event.state, paint)}${event.reason === "" ? "" : ` (${clean(event.reason)})`}`;
    case "target":
      // The other statuses have events of their own, with more to tell.
      return event.status === "waiting" && event.reason !== CONNECTING
        ? `${paint("yellow", "waiting")} ${where(event)}: ${clean(event.reason)}`
        : undefined;
    case "snapshot":
      return `${paint("bold", `snapshot ${event.snapshot}`)}: ${changes(event)}${count(event.files, "file")}, ${bytes(event.bytes)}`;
    case "synced": {
      const did = [
        ...(event.files > 0 ? [`${count(event.files, "entry", "entries")}, ${bytes(event.bytes)}`] : []),
        ...(event.deleted > 0 ? [`${event.deleted} deleted`] : []),
      ].join(", ");
      return `${paint("green", "synced")} ${where(event)}: snapshot ${event.snapshot}, ${did === "" ? "all was there" : did}, ${duration(event.duration)}`;
    }
    case "failed":
      return `${paint("red", `failed ${event.code}:`)} ${where(event)}: ${clean(event.reason)}\n  ${paint("cyan", "hint:")} ${clean(event.hint)}`;
    case "retry":
      return `${paint("yellow", "retry")} ${where(event)} in ${duration(event.delay)}: ${clean(event.reason)}`;
    case "halted": {
      const what = event.pod === undefined ? clean(event.mapping ?? "") : clean(event.pod);
      return `${paint("yellow", "halted")} ${what}: ${clean(event.reason)}`;
    }
    case "resumed":
      return `${paint("green", "resumed")} ${clean(event.mapping)}: ${clean(event.reason)}`;
    case "run":
      return formatRun(event, paint);
    case "note":
      return `${paint("cyan", "note")}: ${clean(event.reason)}${event.hint === undefined ? "" : `\n  ${paint("cyan", "hint:")} ${clean(event.hint)}`}`;
    default:
      // Progress has a bar of its own, and the summary its own last line.
      return undefined;
  }
}

function formatRun(event: Extract<EngineEvent, { readonly event: "run" }>, paint: Paint): string {
  const word = event.ok ? paint("green", "ran") : paint("red", "run failed");
  const how = event.exitCode === undefined ? clean(event.reason) : `exit code ${event.exitCode}`;
  const head = `${word} ${cut(clean(event.command), 60)} in ${where(event)}: ${how}, ${duration(event.duration)}`;
  const output = cleanLines(event.output).trimEnd();
  if (output === "" || event.ok) return head;
  return [
    head,
    ...output
      .split("\n")
      .slice(-10)
      .map((each) => `  | ${each}`),
  ].join("\n");
}

/** Every target goes through this in an instant; only what lasts is worth a line. */
const CONNECTING = "connecting";

function changes(event: Extract<EngineEvent, { readonly event: "snapshot" }>): string {
  // At the start everything is new.
  if (event.snapshot === 1 || event.paths.length === 0) return "";
  const named = event.paths.slice(0, 3).map((path) => clean(path));
  const more = event.changed - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""} changed; `;
}

/** `train-head-0-0 (head 0) [main]`. */
function where(event: {
  readonly pod: string;
  readonly container: string;
  readonly role?: string;
  readonly index?: string;
}): string {
  return `${clean(event.pod)}${part(event)} [${clean(event.container)}]`;
}

function part({ role, index }: { readonly role?: string; readonly index?: string }): string {
  const words = [role, index].filter((each) => each !== undefined).map(clean);
  return words.length === 0 ? "" : ` (${words.join(" ")})`;
}
