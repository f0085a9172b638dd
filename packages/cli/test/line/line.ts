import type { EngineEvent, SummaryEvent } from "@kinsync/core";
import type { TransportPlugin, WorkloadConfig } from "@kinsync/core/contract";
import { openProject, type Project } from "@kinsync/core/project";
import type { Playground } from "@kinsync/playground";
import { builtInPlugins } from "../../src/setup/built-in.ts";

export interface LineOptions {
  readonly playground: Playground;
  /** What `from` is relative to. */
  readonly folder: string;
  readonly workload: WorkloadConfig;
  readonly mode?: "watch" | "once";
  readonly wait?: number;
  readonly owner?: string;
  readonly allowEmpty?: boolean;
  /** Default: the built-in ones with their defaults. */
  readonly transports?: readonly TransportPlugin[];
}

/** The whole line, from a folder to containers, as the CLI opens it; its events as they come. */
export class Line implements AsyncDisposable {
  readonly events: EngineEvent[] = [];
  readonly #project: Project;
  readonly #stop = new AbortController();
  readonly #ended: Promise<readonly SummaryEvent[]>;
  #changed = Promise.withResolvers<void>();

  private constructor(project: Project, { mode, owner, wait, allowEmpty }: LineOptions) {
    this.#project = project;
    const run = {
      owner: owner ?? "a test",
      wait,
      allowEmpty,
      signal: this.#stop.signal,
      onEvent: (event: EngineEvent) => {
        this.events.push(event);
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      },
    };
    const result = mode === "once" ? project.sync(run) : project.up(run);
    this.#ended = result.then(({ summaries }) => summaries);
  }

  static async start(options: LineOptions): Promise<Line> {
    const project = await openProject({
      cwd: options.folder,
      env: {},
      kubeconfig: options.playground.kubeconfigPath,
      inline: {
        transports: options.transports ?? [],
        workloads: [{ namespace: "default", ...options.workload }],
      },
      plugins: builtInPlugins(),
      signal: AbortSignal.timeout(60_000),
    });
    return new Line(project, options);
  }

  /** Settles when the events so far satisfy a condition; fails with the last of them. */
  async until(what: string, condition: (events: readonly EngineEvent[]) => boolean, timeout = 20_000): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!condition(this.events)) {
      const left = deadline - Date.now();
      let timer: NodeJS.Timeout | undefined;
      const expired = new Promise<"expired">((resolve) => (timer = setTimeout(resolve, left, "expired")));
      const first = await Promise.race([this.#changed.promise, expired]);
      clearTimeout(timer);
      if (first === "expired") {
        const last = this.events.slice(-12).map((event) => JSON.stringify(event));
        throw new Error(`not within ${timeout} ms: ${what}; the last events:\n${last.join("\n")}`);
      }
    }
  }

  /** Settles when a look at the world says so; it looks after each event. */
  async untilTrue(what: string, look: () => Promise<boolean>): Promise<void> {
    for (;;) {
      const count = this.events.length;
      if (await look()) return;
      await this.until(what, (events) => events.length > count);
    }
  }

  /** Settles when the first pass is through. */
  ready(): Promise<void> {
    return this.until("ready", (events) => events.some((event) => event.event === "ready"));
  }

  /** Names of the pods that hold a snapshot of some mapping. */
  synced(snapshot: number): readonly string[] {
    const pods = this.events.flatMap((event) =>
      event.event === "synced" && event.snapshot === snapshot ? [event.pod] : [],
    );
    return [...new Set(pods)].toSorted((a, b) => a.localeCompare(b));
  }

  /** Settles when so many pods hold a snapshot. */
  untilSynced(snapshot: number, count: number): Promise<void> {
    return this.until(`${count} pods at snapshot ${snapshot}`, () => this.synced(snapshot).length >= count);
  }

  /** Settles with the summaries when the run has ended by itself. */
  get ended(): Promise<readonly SummaryEvent[]> {
    return this.#ended;
  }

  /** Ends the run as Ctrl-C does. */
  async stop(): Promise<SummaryEvent | undefined> {
    this.#stop.abort();
    const [summary] = await this.#ended;
    return summary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#project.close();
  }
}
