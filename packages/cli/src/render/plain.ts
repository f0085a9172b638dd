import type { Output } from "../io.ts";
import type { Paint } from "./color.ts";
import { formatEvent } from "./lines.ts";
import { formatTransfer, Transfers } from "./progress.ts";
import type { Reporter } from "./reporter.ts";
import { formatSummary } from "./summary.ts";
import { clean } from "./text.ts";
import { createPrefix, NO_PREFIX } from "./workload-names.ts";

/** Milliseconds between two lines about transfers that take long. */
const PROGRESS_EVERY = 5_000;

/** Lines, for logs and pipes. */
export function createPlainReporter(
  output: Output,
  paint: Paint,
  now: () => number = () => performance.now(),
): Reporter {
  const transfers = new Transfers(now);
  let prefixOf = NO_PREFIX;
  let told = now();

  /** Lines that wait while somebody else writes. */
  let held: string[] | undefined;

  function line(text: string): void {
    if (held === undefined) output.write(`${text}\n`);
    else held.push(text);
  }
  return {
    start: ({ command, lines }) => {
      for (const each of lines) line(`${paint("bold", command)} ${clean(each)}`);
    },
    cluster: (context, server, namespace) =>
      line(`context ${clean(context)} (${clean(server)}), namespace ${clean(namespace)}`),
    note: (text) => line(`${paint("cyan", "note")}: ${clean(text)}`),
    event: (event) => {
      if (event.event === "progress") {
        transfers.progress(event);
        if (now() - told < PROGRESS_EVERY) return;
        told = now();
        for (const transfer of transfers.view().slice(0, 5)) line(formatTransfer(transfer));
        return;
      }
      if ("uid" in event && "container" in event && event.uid !== undefined && event.container !== undefined) {
        transfers.end({ uid: event.uid, container: event.container });
      }
      const text = formatEvent(event, { paint, prefixOf });
      if (text !== undefined) line(text);
    },
    prepare: async () => undefined,
    attach: (_view, workloads) => {
      prefixOf = createPrefix(workloads);
    },
    hold: () => {
      held ??= [];
    },
    release: () => {
      const lines = held ?? [];
      held = undefined;
      for (const each of lines) line(each);
    },
    end: (summaries) => {
      for (const summary of summaries) line(formatSummary(summary, paint, prefixOf));
    },
    abandon: () => undefined,
  };
}
