import type { WaitResult } from "../../control/protocol.ts";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { clean } from "../../render/text.ts";
import { duration } from "../../render/units.ts";
import { ask, type AskOptions } from "./ask.ts";
import { formatStatus } from "./format-status.ts";

export interface WaitOptions extends AskOptions {
  /** Number of a snapshot, or the local files of this moment. */
  readonly snapshot: number | "latest";
  /** Milliseconds. */
  readonly timeout: number;
}

/** The run's own limit ends the wait; this much later, it counts as gone. */
const LATER_MS = 10_000;

const REASONS: Readonly<Partial<Record<NonNullable<WaitResult["why"]>, string>>> = {
  unread: ": local paths of it cannot be read",
  "given-up": ": the gang gave it up, and no container shows it",
};

/** Waits until every target holds a snapshot: after a save, before a test. */
export async function runWait(options: WaitOptions, io: Io): Promise<number> {
  const { snapshot, timeout } = options;
  const paint = createPaint(io.stdout, io.env, options.color);
  const { reached, why } = await ask(
    options,
    io,
    (client, selection) =>
      client.ask<"wait">({ command: "wait", snapshot, timeout, ...selection }, io.signal, timeout + LATER_MS),
    (result) => [...said(result, timeout), ...result.workloads.flatMap((each) => formatStatus(each, paint))],
  );
  if (reached) return EXIT.done;
  return why === "no-targets" ? EXIT.nothing : EXIT.behind;
}

function said({ reached, why, workloads }: WaitResult, timeout: number): readonly string[] {
  if (reached) return [];
  if (why === "no-targets") return [`no container to sync to within ${duration(timeout)}`];
  const named = workloads.filter(isMissing);
  return (named.length === 0 ? workloads : named).map((each) => {
    const { workload, wanted } = each;
    const isHeld = !isMissing(each);
    const what =
      wanted === 0
        ? "the local files of now were not released"
        : isHeld
          ? `snapshot ${wanted} is in all containers`
          : `snapshot ${wanted} was not reached`;
    return clean(`${workloads.length > 1 ? `${workload}: ` : ""}${what}${reasonOf(why, isHeld, timeout)}`);
  });
}

function reasonOf(why: WaitResult["why"], isHeld: boolean, timeout: number): string {
  if (why === "timeout") return `${isHeld ? ", and a command did not end" : ""} within ${duration(timeout)}`;
  if (why === "failed") return isHeld ? ", and a command failed" : ": a container needs you";
  return (why && REASONS[why]) ?? "";
}

/** Some target of the workload does not hold the wanted snapshot. */
function isMissing({ wanted, unread, targets }: WaitResult["workloads"][number]): boolean {
  const isBehind = ({ status, code, snapshot = 0 }: (typeof targets)[number]): boolean =>
    (status !== "synced" && code !== "KINSYNC_RUN_FAILED") || snapshot < wanted;
  return wanted === 0 || unread !== undefined || targets.some(isBehind);
}
