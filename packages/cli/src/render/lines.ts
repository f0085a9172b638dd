import type { EngineEvent } from "@kinsync/core";
import { causeOf } from "./causes.ts";
import type { Paint } from "./color.ts";
import { stateWord } from "./state.ts";
import { statusWord } from "./status.ts";
import { formatReach } from "./summary.ts";
import { clean, cleanLines } from "./text.ts";
import { formatGang } from "./gang.ts";
import { bytes, count, duration } from "./units.ts";
import type { PrefixOf } from "./workload-names.ts";

export interface LineStyle {
  readonly paint: Paint;
  /** The workload in front of each line. */
  readonly prefixOf: PrefixOf;
}

const SHARED: ReadonlySet<string> = new Set([
  "KINSYNC_CLUSTER_CREDENTIALS",
  "KINSYNC_CLUSTER_FORBIDDEN",
  "KINSYNC_CLUSTER_WEBSOCKET",
]);

/** One event as a line for people; `undefined` for what another line shows already. */
export function formatEvent(event: EngineEvent, { paint, prefixOf }: LineStyle): string | undefined {
  const line = sentenceOf(event, paint);
  return line === undefined ? undefined : `${prefixOf(event)}${line}`;
}

function sentenceOf(event: EngineEvent, paint: Paint): string | undefined {
  switch (event.event) {
    case "ready":
      return `${paint("bold", event.synced === event.targets ? "ready" : "not ready")}: ${formatReach(event.synced, event.targets, paint)}`;
    case "member":
      return `member ${clean(event.pod)}${part(event)}: ${stateWord(event.state, paint)}${event.reason === "" ? "" : ` (${clean(event.reason)})`}`;
    case "target":
      // The other statuses have events of their own, with more facts.
      return event.status === "waiting" && event.reason !== CONNECTING
        ? `${statusWord("waiting", paint)} ${where(event)}: ${clean(event.reason).replace(/^waiting: /, "")}`
        : undefined;
    case "snapshot":
      return formatSnapshot(event, paint);
    case "pending":
      return formatPending(event, paint);
    case "gang":
      return formatGang(event, paint);
    case "synced": {
      const did = [
        ...(event.files > 0 ? [`${count(event.files, "entry", "entries")}, ${bytes(event.bytes)}`] : []),
        ...(event.deleted > 0 ? [`${event.deleted} deleted`] : []),
      ].join(", ");
      return `${statusWord("synced", paint)} ${where(event)}: snapshot ${event.snapshot}, ${did === "" ? unsent(event) : did}, ${duration(event.duration)}`;
    }
    case "failed":
      return `${paint("red", `failed ${event.code}:`)} ${where(event)}: ${causeOf(event.reason, event)}${hintLine(event.hint, paint)}`;
    case "retry":
      // A note reports these once for all targets.
      if (SHARED.has(event.code)) return undefined;
      return `${statusWord("stale", paint)} ${where(event)}: ${causeOf(event.reason, event)}; trying again in ${duration(event.delay)}${hintLine(event.hint, paint)}`;
    case "halted": {
      const what = event.pod === undefined ? clean(event.mapping ?? "") : clean(event.pod);
      return `${statusWord("halted", paint)} ${what}: ${causeOf(event.reason, { pod: event.pod ?? "", container: event.container ?? "" })}${hintLine(event.hint, paint)}`;
    }
    case "resumed":
      return `${paint("green", "resumed")} ${clean(event.mapping)}: ${clean(event.reason)}`;
    case "run":
      return formatRun(event, paint);
    case "local":
      return formatLocal(event, paint);
    case "note":
      return `${paint("cyan", "note")}: ${clean(event.reason)}${hintLine(event.hint, paint)}`;
    default:
      // Progress has a bar, and the summary is the last line.
      return undefined;
  }
}

/** The next step on a line of its own; nothing where there is nothing to do. */
function hintLine(hint: string | undefined, paint: Paint): string {
  if (hint === undefined || hint === "" || hint.startsWith("No action needed")) return "";
  return `\n  ${paint("cyan", "hint:")} ${clean(hint)}`;
}

/** Why nothing was sent to a target. */
function unsent({ through }: Extract<EngineEvent, { readonly event: "synced" }>): string {
  return through === undefined ? "nothing to send" : `written through ${clean(through)}`;
}

/** Characters of a command in a line. */
const MAX_COMMAND = 60;

/** Not by columns, as on a screen: the library that counts them takes a tenth of the start. */
function shortCommand(command: string): string {
  const text = clean(command);
  const characters = Array.from(text);
  return characters.length <= MAX_COMMAND
    ? text
    : `${characters
        .slice(0, MAX_COMMAND - 1)
        .join("")
        .trimEnd()}…`;
}

function formatRun(event: Extract<EngineEvent, { readonly event: "run" }>, paint: Paint): string {
  const word = event.ok ? paint("green", "ran") : paint("red", "command failed:");
  const how = event.exitCode === undefined ? clean(event.reason) : `exit code ${event.exitCode}`;
  const head = `${word} ${shortCommand(event.command)} in ${where(event)}: ${how}, ${duration(event.duration)}`;
  const output = cleanLines(event.output).trimEnd();
  if (output === "" || (event.ok && event.showOutput !== true)) return head;
  return [
    head,
    ...output
      .split("\n")
      .slice(-10)
      .map((each) => `  | ${each}`),
  ].join("\n");
}

const LOCAL_NAMES = { rebuild: "rebuild", before: "hook before the release", after: "hook after the release" } as const;

/** A command of the config on this machine: always shown before it runs. */
function formatLocal(event: Extract<EngineEvent, { readonly event: "local" }>, paint: Paint): string {
  const { paths = [], output = "" } = event;
  const name = LOCAL_NAMES[event.what];
  const command = clean(event.command);
  const lines = cleanLines(output).trimEnd().split("\n");
  switch (event.phase) {
    case "starts": {
      const why = paths.length === 0 ? "" : `${namedPaths({ changed: paths.length, paths })} changed; `;
      return `${paint("bold", name)}: ${why}running here: ${command}`;
    }
    case "output":
      return lines.map((line) => `  | ${line}`).join("\n");
    case "replaced":
      return `${paint("bold", name)}: ${clean(event.reason ?? "")}`;
    case "ends": {
      const took = duration(event.duration ?? 0);
      const next = event.what === "rebuild" ? "; waiting for new containers" : "";
      if (event.ok === true) return `${paint("green", `${name} done`)}: ${command}, ${took}${next}`;
      const last = output.trim() === "" ? [] : lines.slice(-10).map((line) => `  | ${line}`);
      return [`${paint("red", `${name} failed`)}: ${command} ${clean(event.reason ?? "")}, ${took}`, ...last].join(
        "\n",
      );
    }
  }
}

/** Every target passes through this state in an instant: it gets no line. */
const CONNECTING = "connecting";

/** `a.py and 2 more changed (src -> /app/src)`; at the start, when everything is new, what there is to sync. */
function formatSnapshot(event: Extract<EngineEvent, { readonly event: "snapshot" }>, paint: Paint): string {
  if (event.of !== undefined) {
    return `${paint("bold", "undone")}: the files of snapshot ${event.of} again, as snapshot ${event.snapshot}, until \`kinsync trigger\` or, in mode auto, the next save`;
  }
  const changed = event.mappings.filter((mapping) => mapping.changed > 0);
  if (event.snapshot === 1 || changed.length === 0) {
    return `${paint("bold", "local files")}: ${count(event.files, "file")}, ${bytes(event.bytes)}`;
  }
  return changed
    .map((mapping) => {
      return `${paint("bold", namedPaths(mapping))} changed (${clean(mapping.from)} -> ${clean(mapping.to)})`;
    })
    .join("; ");
}

/** `a.py, b.py, c.py and 2 more`. */
function namedPaths({ changed, paths }: { readonly changed: number; readonly paths: readonly string[] }): string {
  const named = paths.slice(0, 3).map((path) => clean(path));
  const more = changed - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** `2 changes wait (paused): src/a.py, src/b.py`; nothing where none waits. */
function formatPending({ why, changed, paths }: Extract<EngineEvent, { readonly event: "pending" }>, paint: Paint) {
  if (changed === 0 || why === undefined) return undefined;
  const step = why === "paused" ? "kinsync resume" : "kinsync trigger";
  return `${paint("yellow", count(changed, "change waits", "changes wait"))} (${why}): ${namedPaths({ changed, paths })}; \`${step}\` releases ${changed === 1 ? "it" : "them"}`;
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
