import { randomUUID } from "node:crypto";
import { createEngine, findWorkload, type Engine, type EngineEvent, type SummaryEvent } from "@kinsync/core";
import { connectCluster } from "@kinsync/core/cluster";
import { resolveConfig } from "@kinsync/core/config";
import type { ClusterConnection, TransportPlugin, WorkloadConfig } from "@kinsync/core/contract";
import type { Playground } from "@kinsync/playground";
import { builtInKinds, builtInTransports } from "../../src/setup/built-in.ts";

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

/** The whole line, from a folder to containers, as the CLI wires it; its events as they come. */
export class Line implements AsyncDisposable {
  readonly events: EngineEvent[] = [];
  readonly engine: Engine;
  readonly #cluster: ClusterConnection;
  readonly #stop = new AbortController();
  readonly #ended: Promise<readonly SummaryEvent[]>;
  #changed = Promise.withResolvers<void>();

  private constructor(cluster: ClusterConnection, make: (line: Line, signal: AbortSignal) => Engine) {
    this.#cluster = cluster;
    this.engine = make(this, this.#stop.signal);
    this.#ended = this.engine.run();
  }

  static async start(options: LineOptions): Promise<Line> {
    const { playground, folder, workload } = options;
    const signal = AbortSignal.timeout(60_000);
    const cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath, signal });
    const kinds = builtInKinds();
    const found = await findWorkload(cluster, kinds, workload.workload, { namespace: "default", signal });
    const [plan] = resolveConfig({ workloads: [workload] }, { folder, describe: (path) => path.join(".") });
    return new Line(cluster, (line, stop) =>
      createEngine({
        cluster,
        kinds,
        transports: options.transports ?? builtInTransports(),
        workloads: [{ name: workload.workload, ref: found.ref, mappings: plan?.mappings ?? [], run: plan?.run ?? [] }],
        runId: randomUUID(),
        owner: options.owner ?? "a test",
        mode: options.mode ?? "watch",
        ...(options.wait === undefined ? {} : { wait: options.wait }),
        allowEmpty: options.allowEmpty ?? false,
        signal: stop,
        onEvent: (event) => {
          line.events.push(event);
          line.#changed.resolve();
          line.#changed = Promise.withResolvers();
        },
      }),
    );
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
    await this.engine[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
  }
}
