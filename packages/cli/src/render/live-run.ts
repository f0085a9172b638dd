import type { Output } from "../io.ts";
import { formatBar } from "./bar.ts";
import { wrap } from "./fit.ts";
import { History } from "./history.ts";
import { helpLines, keyLine, reclaimStep } from "./key-help.ts";
import { openKeys, type Keys } from "./keys.ts";
import { formatEvent } from "./lines.ts";
import type { LiveOptions } from "./live-options.ts";
import { createLiveScreen, type LiveScreen } from "./live-screen.ts";
import { Transfers } from "./progress.ts";
import type { Attached, Reporter } from "./reporter.ts";
import { formatScreen, type RowsShown, type ScreenOptions } from "./screen.ts";
import { asKinsyncError } from "./error.ts";
import { clean } from "./text.ts";
import { count, timeOfDay } from "./units.ts";
import { createPrefix, NO_PREFIX } from "./workload-names.ts";

/** Time between two frames at least. */
const FRAME_MS = 80;
/** Transfers that get a bar at most. */
const MAX_BARS = 5;
/** Columns of the time in front of a line. */
const TIME_WIDTH = 10;

/** What the screen of a run takes once its modules are loaded. */
export type LiveRun = Omit<Reporter, "start" | "cluster" | "prepare">;

export function createLiveRun(options: LiveOptions): LiveRun {
  return new RunOnTerminal(options);
}

/** The state of a run at the bottom of a terminal; lines that are worth keeping scroll above it. */
class RunOnTerminal implements LiveRun {
  readonly #options: LiveOptions;
  readonly #transfers = new Transfers(() => performance.now());
  readonly #history: History;
  readonly #screen: LiveScreen;
  #run: Attached | undefined;
  #prefixOf = NO_PREFIX;
  #timer: NodeJS.Timeout | undefined;
  #keys: Keys | undefined;
  #isOver = false;
  /** Lines that wait while somebody else writes. */
  #held: string[] | undefined;
  /** Resolves when nobody else writes. */
  #free: PromiseWithResolvers<void> | undefined;
  #rows: RowsShown = "attention";
  #offset = 0;
  #lastOffset = 0;
  #isHelpShown = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#screen = createLiveScreen(options.output);
    this.#history = new History({
      paint: options.paint,
      prefixOf: () => this.#prefixOf,
      view: () => this.#run?.view(),
      asksDeletes: options.asksDeletes,
      onLine: (text, time) => this.#keep(text, time),
    });
  }

  note: Reporter["note"] = (text) => this.#keep(`${this.#options.paint("cyan", "note")}: ${clean(text)}`);

  attach: Reporter["attach"] = (run, workloads) => {
    this.#run = run;
    this.#prefixOf = createPrefix(workloads);
    this.#openKeys();
    this.#soon();
  };

  rename: Reporter["rename"] = (workloads) => {
    this.#prefixOf = createPrefix(workloads);
  };

  event: Reporter["event"] = (event) => {
    if (event.event === "progress") this.#transfers.progress(event);
    else if ("uid" in event && "container" in event && event.uid !== undefined && event.container !== undefined) {
      this.#transfers.end({ uid: event.uid, container: event.container });
    }
    this.#history.event(event);
    this.#soon();
  };

  log: Reporter["log"] = (line) => {
    this.#write(wrap(line, this.#width).join("\n"), this.#options.output);
    return this.#free?.promise;
  };

  hold(): void {
    this.#held ??= [];
    this.#free ??= Promise.withResolvers();
    this.#keys?.pause();
    this.#screen.clear();
  }

  release(): void {
    const lines = this.#held ?? [];
    if (this.#held !== undefined && !this.#isOver) this.#keys?.resume();
    this.#held = undefined;
    for (const line of lines) this.#keep(line);
    this.#free?.resolve();
    this.#free = undefined;
    this.#soon();
  }

  /** The last frame is the result. */
  end(): void {
    this.#close();
  }

  abandon(): void {
    this.#close();
  }

  #close(): void {
    if (this.#isOver) return;
    this.release();
    this.#history.flush();
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#keys?.[Symbol.dispose]();
    this.#options.output.off("resize", this.#onResize);
    if (this.#run === undefined) return;
    const { lines } = this.#format({ rows: "attention", height: undefined, reclaim: "" });
    this.#screen.persist(["", ...lines]);
    this.#screen.done();
  }

  #openKeys(): void {
    const { output, input, jobControl } = this.#options;
    output.on("resize", this.#onResize);
    if (input === undefined || jobControl === undefined) return;
    this.#keys = openKeys({
      input,
      jobControl,
      onKey: (key) => this.#onKey(key),
      onSuspend: () => this.#screen.clear(),
      onContinue: () => this.#soon(),
    });
  }

  readonly #onResize = (): void => {
    if (this.#isOver || this.#held !== undefined) return;
    this.#screen.resized();
    clearTimeout(this.#timer);
    this.#draw();
  };

  #onKey(key: string): void {
    const page = Math.max(1, (this.#options.output.rows ?? 24) - 4);
    if (key === "q") this.#options.quit();
    else if (key === "a") this.#show(this.#rows === "all" ? "attention" : "all");
    else if (key === "f") this.#show(this.#rows === "failed" ? "attention" : "failed");
    else if (key === "?") this.#isHelpShown = !this.#isHelpShown;
    else if (key === "e") this.#keepLastError();
    else if (key === "r") this.#resync();
    else if (key === "t") void this.#order("nothing waits to be released", triggered);
    else if (key === "u") void this.#order("there is nothing to undo", undone);
    else if (key === "d") this.#dismiss();
    else if (key === "\u001B[A" || key === "\u001BOA") this.#scroll(-1);
    else if (key === "\u001B[B" || key === "\u001BOB") this.#scroll(1);
    else if (key === "\u001B[5~") this.#scroll(-page);
    else if (key === "\u001B[6~" || key === " ") this.#scroll(page);
    this.#soon();
  }

  #show(rows: RowsShown): void {
    this.#rows = rows;
    this.#offset = 0;
  }

  #scroll(lines: number): void {
    this.#offset = Math.max(0, Math.min(this.#offset + lines, this.#lastOffset));
  }

  #keepLastError(): void {
    const { lastError } = this.#history;
    const now = new Date().toISOString();
    if (lastError === undefined) this.#keep("no error so far", now);
    else
      this.#keep(
        formatEvent(lastError, { paint: this.#options.paint, prefixOf: this.#prefixOf }) ?? "",
        lastError.time,
      );
  }

  /** Gives an order that releases a snapshot, which has a line of its own. */
  async #order(otherwise: string, order: (commands: Attached["commands"]) => Promise<number>): Promise<void> {
    if (this.#run === undefined) return;
    try {
      if ((await order(this.#run.commands)) === 0) this.#keep(otherwise, new Date().toISOString());
    } catch (error) {
      const { message, hint } = asKinsyncError(error);
      const text = `${clean(message)}\n  ${this.#options.paint("cyan", "hint:")} ${clean(hint)}`;
      this.#keep(text, new Date().toISOString());
    }
  }

  #dismiss(): void {
    const targets = (this.#run?.commands.dismiss() ?? []).map(({ target }) => target);
    const what =
      targets.length === 0 ? "no command has failed" : `dismissed the failed commands of ${namesOf(targets)}`;
    this.#keep(clean(what), new Date().toISOString());
  }

  #resync(): void {
    const { commands } = this.#run ?? {};
    this.#keep("comparing all files again", new Date().toISOString());
    commands?.reclaim();
    commands?.retry();
    void commands?.rescan().catch(() => undefined);
  }

  #soon(): void {
    if (this.#timer === undefined && !this.#isOver && this.#run !== undefined) {
      this.#timer = setTimeout(() => this.#draw(), FRAME_MS);
    }
  }

  #draw(): void {
    this.#timer = undefined;
    if (this.#isOver || this.#held !== undefined || this.#run === undefined) return;
    this.#history.flush();
    this.#screen.draw(this.#frame());
  }

  /** A blank line, the workloads, transfers, and the keys. One row of the terminal stays free for the cursor. */
  #frame(): readonly string[] {
    const { output, paint } = this.#options;
    const height = Math.max(4, (output.rows ?? 24) - 1);
    const width = this.#width;
    const transfers = this.#transfers.view();
    const more = transfers.length - MAX_BARS;
    const bars = [
      ...transfers.slice(0, MAX_BARS).map((each) => formatBar(each, width)),
      ...(more > 0 ? [paint("dim", `  and ${count(more, "more transfer")}`)] : []),
    ];
    const help = this.#isHelpShown ? helpLines(paint, width) : [];
    const keys = this.#keys === undefined ? [] : [...help, keyLine(paint, width, this.#rows)];
    const reclaim = this.#keys === undefined ? "" : reclaimStep();
    const room = Math.max(1, height - 1 - bars.length - keys.length);
    const { lines, lastOffset } = this.#format({ rows: this.#rows, height: room, reclaim });
    this.#lastOffset = lastOffset;
    return ["", ...lines, ...bars, ...keys];
  }

  #format(options: Pick<ScreenOptions, "rows" | "height" | "reclaim">) {
    const history = this.#history;
    return formatScreen(this.#run?.view().workloads ?? [], {
      paint: this.#options.paint,
      width: this.#width,
      offset: this.#offset,
      latency: ({ name, namespace }) => history.latency({ workload: name, namespace }),
      failedRuns: (workload) => history.failedRuns(workload),
      ...options,
    });
  }

  /** A terminal breaks a line that is as wide as itself only sometimes. */
  get #width(): number {
    return Math.max(20, (this.#options.output.columns ?? 80) - 1);
  }

  /** A line that stays. @param time of the event; none where nothing happened */
  #keep(text: string, time?: string): void {
    const { output, paint } = this.#options;
    const indent = time === undefined ? 2 : TIME_WIDTH;
    const lines = text.split("\n").flatMap((each) => wrap(each.trimStart(), this.#width, indent));
    const front = time === undefined ? "" : `${paint("dim", timeOfDay(time))}  `;
    const kept = lines.map((line, index) => (index === 0 ? front + line.slice(indent) : line)).join("\n");
    this.#write(kept, output);
  }

  #write(text: string, output: Output): void {
    if (this.#held !== undefined) this.#held.push(text);
    else if (this.#run === undefined || this.#isOver) output.write(`${text}\n`);
    else {
      this.#screen.persist(text.split("\n"));
      this.#soon();
    }
  }
}

/** Targets that a line names. */
const NAMED = 3;

function namesOf(targets: readonly string[]): string {
  const more = targets.length - NAMED;
  return `${targets.slice(0, NAMED).join("; ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** @returns the number of workloads in which something was released */
async function triggered(commands: Attached["commands"]): Promise<number> {
  return (await commands.trigger()).length;
}

const undone = async (commands: Attached["commands"]): Promise<number> => commands.undo().length;
