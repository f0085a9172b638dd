import { resolve } from "node:path";
import type { Released } from "@kinsync/core";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { clean } from "../../render/text.ts";
import { ask, type AskOptions } from "./ask.ts";
import { formatStatus } from "./format-status.ts";

/** `hooks.before` may run first, and its own limit ends it; this much later, the run counts as gone. */
const HOOK_MS = 3_600_000;

/** Releases changes that wait. @param files as named on the command line; none: all */
export async function runTrigger(files: readonly string[], options: AskOptions, io: Io): Promise<number> {
  const paths = files.map((file) => resolve(io.cwd, file));
  await ask(
    options,
    io,
    (client, selection) =>
      client.ask<"trigger">(
        { command: "trigger", ...selection, ...(paths.length === 0 ? {} : { files: paths }) },
        io.signal,
        HOOK_MS,
      ),
    ({ released }) => (released.length === 0 ? [nothingWaited(files)] : released.map(releasedLine)),
  );
  return EXIT.done;
}

function nothingWaited(files: readonly string[]): string {
  const again = "targets that failed are tried again now";
  if (files.length === 0) return `nothing waited; ${again}`;
  return clean(`no change of ${files.join(", ")} waits (\`kinsync status\` shows those that do); ${again}`);
}

/** Releases the files of an earlier snapshot. */
export async function runUndo(to: number | undefined, options: AskOptions, io: Io): Promise<number> {
  await ask(
    options,
    io,
    (client, selection) =>
      client.ask<"undo">({ command: "undo", ...selection, ...(to === undefined ? {} : { to }) }, io.signal),
    ({ released }) =>
      released.map(
        (each) => `${releasedLine(each)}; it holds until \`kinsync trigger\` or, in mode auto, the next save`,
      ),
  );
  return EXIT.done;
}

/** Holds changes, or no longer. */
export async function runHold(command: "pause" | "resume", options: AskOptions, io: Io): Promise<number> {
  const paint = createPaint(io.stdout, io.env, options.color);
  await ask(
    options,
    io,
    (client, selection) =>
      command === "pause"
        ? client.ask<"pause">({ command, ...selection }, io.signal)
        : client.ask<"resume">({ command, ...selection }, io.signal, HOOK_MS),
    ({ workloads }) => workloads.flatMap((each) => formatStatus(each, paint)),
  );
  return EXIT.done;
}

function releasedLine({ workload, namespace, snapshot, of }: Released): string {
  const files = of === undefined ? "" : `, with the files of snapshot ${of}`;
  return clean(`${workload} in namespace ${namespace}: released snapshot ${snapshot}${files}`);
}
