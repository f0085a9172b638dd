import { cleanData } from "../text/clean.ts";
import type { ResourceType } from "../contract/resource.ts";
import type { Target } from "../contract/target.ts";
import type { HostedSession } from "../contract/transport.ts";
import { KinsyncError } from "../errors/error.ts";
import type { EngineEvent, SummaryEvent } from "./events.ts";
import { hostTransport } from "../plugins/host.ts";
import { ReflectorPool } from "../kube/reflector-pool.ts";
import { ArchivePool } from "../sync/archive/archive-pool.ts";
import { OpenLimit } from "../sync/target/open-limit.ts";
import type { Engine, EngineOptions, EngineView } from "./options.ts";
import { WorkloadSync } from "./workload.ts";

/** Milliseconds that the ending of a run may take: sessions are closed, then everything is let go. */
const ENDING = 800;

/** Milliseconds beyond `wait` that `once` gives the first pass. */
const PATIENCE = 30_000;

/** Makes an engine; nothing runs before `run`. */
export function createEngine(options: EngineOptions): Engine {
  return new WiredEngine(options);
}

class WiredEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #abort = new AbortController();
  readonly #archives = new ArchivePool();
  readonly #limit = new OpenLimit();
  readonly #reflectors: ReflectorPool;
  #syncs: readonly WorkloadSync[] = [];
  readonly #done = Promise.withResolvers<void>();
  #deadlineOver = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#reflectors = new ReflectorPool({ cluster: options.cluster });
  }

  async run(): Promise<readonly SummaryEvent[]> {
    const { signal: outer, workloads, kinds, mode } = this.#options;
    const stop = (): void => this.#done.resolve();
    outer.addEventListener("abort", stop, { once: true });
    if (outer.aborted) stop();
    const since = new Date().toISOString();
    this.#syncs = workloads.map(
      (workload) =>
        new WorkloadSync({
          workload,
          engine: this.#options,
          kind: kinds.find((kind) => isSameResource(kind.root, workload.ref.resource)),
          reflectors: this.#reflectors,
          archives: this.#archives,
          open: (target, transport, signal) => this.#open(target, transport, since, signal),
          since,
          signal: this.#abort.signal,
          onEvent: (event) => this.#emit(event),
          onQuiet: () => this.#look(),
        }),
    );
    const wait = this.#options.wait ?? 60_000;
    const deadline = setTimeout(() => {
      this.#deadlineOver = true;
      this.#look();
    }, wait);
    // An API server that has stopped answering never lets the first pass end.
    const patience = setTimeout(() => {
      if (mode === "once" && this.#syncs.some((sync) => !sync.isReady)) this.#done.resolve();
    }, wait + PATIENCE);
    try {
      if (mode === "once") this.#look();
      await this.#done.promise;
      const summaries = this.#syncs.map((sync) => sync.summary());
      await this[Symbol.asyncDispose]();
      for (const summary of summaries) this.#emit(summary);
      return summaries;
    } finally {
      clearTimeout(deadline);
      clearTimeout(patience);
      outer.removeEventListener("abort", stop);
    }
  }

  view(): EngineView {
    return {
      workloads: this.#syncs.map((sync) => ({
        name: sync.name,
        resolution: sync.resolution,
        targets: sync.targets(),
        snapshot: sync.snapshot,
      })),
    };
  }

  /** Is the work of `once` done? */
  #look(): void {
    if (this.#options.mode !== "once" || this.#syncs.length === 0) return;
    const done = this.#syncs.every((sync) => {
      if (!sync.isReady) return false;
      return sync.isHalted || (sync.isSettled && !sync.isWaiting) || (this.#deadlineOver && !sync.isBusy);
    });
    if (done) this.#done.resolve();
  }

  async #open(target: Target, transport: string, since: string, signal: AbortSignal): Promise<HostedSession> {
    const plugin = this.#options.transports.find((candidate) => candidate.name === transport);
    if (plugin === undefined) {
      const names = this.#options.transports.map((candidate) => candidate.name).join(", ");
      throw new KinsyncError("KINSYNC_PLUGIN_NOT_FOUND", `there is no transport "${transport}"; there are: ${names}`, {
        retry: "terminal",
      });
    }
    const { cluster, runId, owner } = this.#options;
    return this.#limit.run(target.node ?? "", signal, () =>
      hostTransport(plugin).open(target, { cluster, runId, owner, since, signal }),
    );
  }

  #emit(event: EngineEvent): void {
    this.#options.onEvent(cleanData(event));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#done.resolve();
    const ending = Promise.allSettled(this.#syncs.map((sync) => sync[Symbol.asyncDispose]())).then(() =>
      Promise.allSettled([this.#reflectors[Symbol.asyncDispose](), this.#archives[Symbol.asyncDispose]()]),
    );
    this.#abort.abort();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([ending, new Promise<void>((resolve) => (timer = setTimeout(resolve, ENDING)))]);
    clearTimeout(timer);
  }
}

function isSameResource(one: ResourceType, other: ResourceType): boolean {
  return one.group === other.group && one.kind === other.kind;
}
