import type { EngineView } from "@kinsync/core";
import type { Output } from "../io.ts";
import type { Paint } from "./color.ts";
import { formatEvent } from "./lines.ts";
import type { LiveTable } from "./live-table.ts";
import { Transfers } from "./progress.ts";
import type { Reporter } from "./reporter.ts";
import { SaveProgress } from "./save-progress.ts";
import { formatSummary } from "./summary.ts";
import { clean } from "./text.ts";
import { count, duration } from "./units.ts";
import { createPrefix, NO_PREFIX, type NamedWorkload } from "./workload-names.ts";

/** Milliseconds between two frames at least. */
const FRAME = 80;

/** A live table at the bottom of a terminal; lines that are worth keeping scroll above it. */
export function createLiveReporter(output: Output & NodeJS.WritableStream, paint: Paint): Reporter {
  let table: LiveTable | undefined;
  let loading: Promise<LiveTable> | undefined;
  const transfers = new Transfers(() => performance.now());
  const saves = new SaveProgress();
  let view: (() => EngineView) | undefined;
  let prefixOf = NO_PREFIX;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  /** Lines that wait while somebody else writes. */
  let held: string[] | undefined;

  function draw(): void {
    timer = undefined;
    if (!ended && held === undefined && view !== undefined) table?.draw(view(), transfers.view());
  }
  function soon(): void {
    if (timer === undefined && !ended && view !== undefined) timer = setTimeout(draw, FRAME);
  }
  function keep(text: string): void {
    if (held !== undefined) held.push(text);
    else if (table === undefined || view === undefined || ended) output.write(`${text}\n`);
    else table.persist(text);
  }
  function release(): void {
    const lines = held ?? [];
    held = undefined;
    for (const line of lines) keep(line);
    soon();
  }
  function close(): void {
    release();
    clearTimeout(timer);
    if (!ended && view !== undefined) {
      table?.draw(view(), transfers.view());
      table?.done();
    }
    ended = true;
  }

  /** A save in one line, once every target of the workload is up to date. */
  function keepCompletedSave(of: NamedWorkload): void {
    const save = saves.complete(of, view?.().workloads ?? []);
    if (save === undefined) return;
    const { received, targets, slowest } = save;
    const to =
      received === targets ? `all ${count(targets, "container")}` : `${received} of ${count(targets, "container")}`;
    keep(`${prefixOf(of)}${paint("green", "synced")} to ${targets === 1 ? "1 container" : to} (${duration(slowest)})`);
  }

  /** Begins while the first request is under way. */
  function load(): Promise<LiveTable> {
    loading ??= import("./live-table.ts").then(({ createLiveTable }) => createLiveTable(output, paint));
    return loading;
  }

  return {
    start: ({ command, lines }) => {
      for (const each of lines) keep(`${paint("bold", command)} ${clean(each)}`);
    },
    prepare: async () => {
      table = await load();
    },
    cluster: (context, server, namespace) => {
      keep(paint("dim", `context ${clean(context)} (${clean(server)}), namespace ${clean(namespace)}`));
      void load();
    },
    note: (text) => keep(`${paint("cyan", "note")}: ${clean(text)}`),
    event: (event) => {
      if (event.event === "progress") transfers.progress(event);
      else if ("uid" in event && "container" in event && event.uid !== undefined && event.container !== undefined) {
        transfers.end({ uid: event.uid, container: event.container });
      }
      // What the table shows needs no line: a save of one file would scroll twenty of them.
      if (event.event === "synced") saves.received(event);
      else if (event.event === "target") {
        if (event.status === "synced") keepCompletedSave(event);
      } else if (event.event !== "member") {
        const text = formatEvent(event, { paint, prefixOf });
        if (text !== undefined) keep(text);
      }
      soon();
    },
    attach: (give, named) => {
      view = give;
      prefixOf = createPrefix(named);
      soon();
    },
    hold: () => {
      held ??= [];
      table?.clear();
    },
    release,
    end: (summaries) => {
      close();
      for (const summary of summaries) output.write(`${formatSummary(summary, paint, prefixOf)}\n`);
    },
    abandon: close,
  };
}
