import { createLogUpdate } from "log-update";
import type { EngineEvent, EngineView } from "@kinsync/core";
import type { Output } from "../io.ts";
import type { Paint } from "./color.ts";
import { formatEvent } from "./lines.ts";
import { formatBar } from "./bar.ts";
import { Transfers } from "./progress.ts";
import type { Reporter } from "./reporter.ts";
import { formatSummary } from "./summary.ts";
import { formatWorkload } from "./table.ts";
import { clean } from "./text.ts";
import { count, duration } from "./units.ts";

/** Milliseconds between two frames at least. */
const FRAME = 80;

/** A live table at the bottom of a terminal; lines that are worth keeping scroll above it. */
export function createLiveReporter(output: Output & NodeJS.WritableStream, paint: Paint): Reporter {
  const screen = createLogUpdate(output);
  const transfers = new Transfers(() => performance.now());
  /** What went to which targets of a workload since all of them were in step. */
  const carried = new Map<string, { snapshot: number; slowest: number; uids: Set<string> }>();
  let view: (() => EngineView) | undefined;
  let several = false;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  function frame(): string {
    const workloads = view?.().workloads ?? [];
    const width = output.columns ?? 100;
    const bars = transfers
      .view()
      .slice(0, 5)
      .map((each) => formatBar(each, width - 1));
    const room = Math.max(4, (output.rows ?? 24) - 3 - bars.length);
    const tables = workloads.flatMap((each) =>
      formatWorkload(each, { paint, width, rows: Math.max(3, Math.floor(room / workloads.length) - 3) }),
    );
    return ["", ...tables, ...bars].join("\n");
  }
  function draw(): void {
    timer = undefined;
    if (!ended && view !== undefined) screen(frame());
  }
  function soon(): void {
    if (timer === undefined && !ended && view !== undefined) timer = setTimeout(draw, FRAME);
  }
  function keep(text: string): void {
    if (view === undefined || ended) output.write(`${text}\n`);
    else screen.persist(text);
  }
  function close(): void {
    clearTimeout(timer);
    if (!ended && view !== undefined) {
      screen(frame());
      screen.done();
    }
    ended = true;
  }

  /** A save in one line, once every target of the workload is in step. */
  function tellComplete(name: string): void {
    const done = carried.get(name);
    const workload = view?.().workloads.find((each) => each.name === name);
    if (done === undefined || workload === undefined) return;
    if (workload.targets.some(({ status }) => status !== "synced")) return;
    carried.delete(name);
    const to = `${done.uids.size} of ${count(workload.targets.length, "target")}`;
    keep(
      `${several ? `${clean(name)}: ` : ""}${paint("green", "synced")} snapshot ${done.snapshot} to ${to}, the last after ${duration(done.slowest)}`,
    );
  }
  function carry(event: Extract<EngineEvent, { readonly event: "synced" }>): void {
    const before = carried.get(event.workload) ?? { snapshot: 0, slowest: 0, uids: new Set() };
    before.uids.add(`${event.uid}/${event.container}`);
    carried.set(event.workload, {
      snapshot: Math.max(before.snapshot, event.snapshot),
      slowest: Math.max(before.slowest, event.duration),
      uids: before.uids,
    });
  }

  return {
    start: ({ command, lines }) => {
      several = lines.length > 1;
      for (const each of lines) keep(`${paint("bold", command)} ${clean(each)}`);
    },
    cluster: (context, server, namespace) =>
      keep(paint("dim", `context ${clean(context)} (${clean(server)}), namespace ${clean(namespace)}`)),
    note: (text) => keep(`${paint("cyan", "note")}: ${clean(text)}`),
    event: (event) => {
      if (event.event === "progress") transfers.progress(event);
      else if ("uid" in event && "container" in event && event.uid !== undefined && event.container !== undefined) {
        transfers.end({ uid: event.uid, container: event.container });
      }
      // What the table shows needs no line: a save of one file would scroll twenty of them.
      if (event.event === "synced") carry(event);
      else if (event.event === "target") {
        if (event.status === "synced") tellComplete(event.workload);
      } else if (event.event !== "member") {
        const text = formatEvent(event, { paint, several });
        if (text !== undefined) keep(text);
      }
      soon();
    },
    attach: (give) => {
      view = give;
      soon();
    },
    end: (summaries) => {
      close();
      for (const summary of summaries) output.write(`${formatSummary(summary, paint, summaries.length > 1)}\n`);
    },
    abandon: close,
  };
}
