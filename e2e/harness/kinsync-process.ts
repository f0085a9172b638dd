import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import type { KubeObject } from "./objects.ts";

/** Default time limit of a wait; a loaded machine is slow. */
export const PATIENCE_MS = 60_000;

/** A line of `-o json`. */
export interface KinsyncEvent {
  readonly event: string;
  readonly time: string;
  readonly workload?: string;
  readonly pod?: string;
  readonly uid?: string;
  readonly container?: string;
  readonly mapping?: string;
  readonly snapshot?: number;
  readonly state?: string;
  readonly status?: string;
  readonly role?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly hint?: string;
  readonly paths?: readonly string[];
  /** Of a snapshot: the mappings that changed. */
  readonly mappings?: readonly { readonly mapping: string; readonly paths: readonly string[] }[];
  readonly files?: number;
  readonly deleted?: number;
  readonly ok?: boolean;
  readonly members?: number;
  readonly targets?: number;
  readonly synced?: number;
  readonly failed?: number;
  readonly halted?: number;
  /** A line of a log. */
  readonly text?: string;
  /** Of a gang. */
  readonly phase?: string;
  readonly waitingFor?: readonly { readonly target: string; readonly reason: string }[];
}

/** Output of `kinsync tree -o json`. */
export interface Tree {
  readonly workload: { readonly kind: string; readonly name: string; readonly namespace: string; readonly uid: string };
  readonly members: readonly {
    readonly pod: string;
    readonly uid: string;
    readonly state: string;
    readonly role?: string;
    readonly index?: string;
    readonly reason: unknown;
    readonly targets: readonly { readonly container: string; readonly containerId?: string; readonly status: string }[];
  }[];
}

export interface KinsyncOptions {
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** How kinsync ended. */
export interface End {
  /** Exit code, or the name of the signal. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface WaitOptions {
  /** Ignores earlier events: see `mark`. */
  readonly since?: number;
  /** Default: `PATIENCE_MS`. */
  readonly timeout?: number;
}

/** A running kinsync with all events that it printed. It is killed on disposal. */
export class KinsyncProcess implements AsyncDisposable {
  readonly events: KinsyncEvent[] = [];
  readonly ended: Promise<End>;
  readonly #name: string;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #progress = Promise.withResolvers<void>();
  #end: End | undefined;
  #stdout = "";
  #stderr = "";

  constructor({ command, args, cwd, env }: KinsyncOptions) {
    const [file = "", ...first] = command;
    this.#name = `kinsync ${args.join(" ")}`;
    this.#child = spawn(file, [...first, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#stdout += `${line}\n`;
      const event = parseEvent(line);
      if (event !== undefined) this.events.push(event);
      this.#notify();
    });
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    const ended = Promise.withResolvers<End>();
    this.ended = ended.promise;
    this.#child.once("error", (error) => this.#finish(ended.resolve, String(error)));
    this.#child.once("close", (code, signal) => this.#finish(ended.resolve, code ?? signal ?? "unknown"));
  }

  /** Of the process on this machine. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} was not started`);
    return this.#child.pid;
  }

  /** For `since`: only events from here on. */
  mark(): number {
    return this.events.length;
  }

  /**
   * The first event, printed already or later, that matches.
   * @param what completes "kinsync did not report that …"
   */
  async until(
    what: string,
    matches: (event: KinsyncEvent) => boolean,
    { since = 0, timeout = PATIENCE_MS }: WaitOptions = {},
  ): Promise<KinsyncEvent> {
    const limit = AbortSignal.timeout(timeout);
    const expired = new Promise<void>((resolve) => limit.addEventListener("abort", () => resolve(), { once: true }));
    for (;;) {
      const found = this.events.slice(since).find(matches);
      if (found !== undefined) return found;
      if (this.#end !== undefined) throw new Error(`kinsync ended and did not report that ${what}\n${this.report()}`);
      if (limit.aborted)
        throw new Error(`kinsync did not report within ${timeout / 1000} s that ${what}\n${this.report()}`);
      await Promise.race([this.#progress.promise, expired]);
    }
  }

  async ready(): Promise<KinsyncEvent> {
    return this.until("the first pass is complete", ({ event }) => event === "ready");
  }

  /** Waits for the local change of a path, whichever containers it is synced to. */
  async untilChanged(path: string, since: number): Promise<KinsyncEvent> {
    return this.until(
      `${path} changed locally`,
      ({ event, paths }) => event === "snapshot" && paths?.includes(path) === true,
      { since },
    );
  }

  /** The names of those pods, compared by UID, to which a batch was synced since then. */
  syncedAmong(pods: readonly KubeObject[], since: number): readonly string[] {
    const synced = new Set(this.events.slice(since).flatMap(({ event, uid }) => (event === "synced" ? [uid] : [])));
    return pods.filter(({ metadata }) => synced.has(metadata.uid)).map(({ metadata }) => metadata.name);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ctrl-C. */
  async interrupt(): Promise<End> {
    this.signal("SIGINT");
    return this.ended;
  }

  /** The end of its output, for messages. */
  report(): string {
    const lines = this.#stdout.trimEnd().split("\n").slice(-25);
    return [`last output of ${this.#name}:`, ...lines, this.#stderr.slice(-2000)].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === undefined) this.#child.kill("SIGKILL");
    await this.ended;
  }

  #finish(resolve: (end: End) => void, code: number | string): void {
    if (this.#end !== undefined) return;
    this.#end = { code, stdout: this.#stdout, stderr: this.#stderr };
    resolve(this.#end);
    this.#notify();
  }

  #notify(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}

function parseEvent(line: string): KinsyncEvent | undefined {
  try {
    const value = JSON.parse(line) as Partial<KinsyncEvent>;
    return typeof value.event === "string" ? (value as KinsyncEvent) : undefined;
  } catch {
    return undefined;
  }
}
