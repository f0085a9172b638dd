import { vi } from "vitest";
import { defineKind, type KindPlugin, type MemberState } from "../../../src/contract/kind.ts";
import type { KubeObject, Pod } from "../../../src/contract/resource.ts";
import { targetKey } from "../../../src/contract/target.ts";
import { defineTransport, type OpenContext } from "../../../src/contract/transport.ts";
import { createEngine } from "../../../src/engine/engine.ts";
import type { EngineEvent } from "../../../src/engine/events.ts";
import type { Engine, EngineOptions, ResolvedWorkload, RunResult } from "../../../src/engine/options.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { containerPath } from "../../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { ALL_CAPABILITIES } from "../../support/capabilities.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { MemoryContainer } from "../../support/memory-container.ts";
import { NAMESPACE, ownerReference, pod, PODS, TEAMS, object } from "../../support/objects.ts";
import { MemorySource } from "./memory-source.ts";

const realImmediate = setImmediate;

/** Timers and clocks are virtual from here until `useRealTimers`. */
export function useVirtualClock(): void {
  vi.useFakeTimers({
    toFake: [
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      "setImmediate",
      "clearImmediate",
      "Date",
      "performance",
    ],
    now: new Date("2026-01-01T00:00:00.000Z"),
  });
}

/** Lets promises and streams run until nothing is left to do without the clock. */
async function drain(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise<void>((resolve) => realImmediate(resolve));
}

/** Advances the virtual clock; what is due runs in order. */
export async function advance(milliseconds: number, step = milliseconds): Promise<void> {
  await drain();
  for (let left = milliseconds; left > 0; left -= step) {
    await vi.advanceTimersByTimeAsync(Math.min(step, left));
    await drain();
  }
}

/** One member as a test describes it. `unsettled`: the kind cannot tell. */
export interface MemberSpec {
  readonly name: string;
  readonly state: MemberState;
  readonly role?: string;
  readonly index?: string;
  /** The verdict's label `side`. */
  readonly side?: string;
  /** Names of the Teams that own it. */
  readonly teams: readonly string[];
  readonly isRunning: boolean;
  /** Counts re-creations under this name. */
  readonly life: number;
  /** Counts restarts of its container. */
  readonly restarts: number;
}

/** A kind that reads the verdict from the pod's labels. */
const labelKind: KindPlugin = defineKind({
  name: "team",
  root: TEAMS,
  watches: () => ({ watches: [], pods: { owner: "any" } }),
  judge: () => ({
    pod: ({ pod: { metadata } }) => {
      const { state = "current", role, index, side } = metadata.labels ?? {};
      return {
        state: state as MemberState,
        ...(role === undefined ? {} : { role }),
        ...(index === undefined ? {} : { index }),
        ...(side === undefined ? {} : { labels: { side } }),
        reason: { code: state, message: `labelled ${state}` },
      };
    },
  }),
});

/** A running member of the Team `train`. */
export const member = (name: string, parts: Partial<MemberSpec> = {}): MemberSpec => ({
  name,
  state: "current",
  teams: ["train"],
  isRunning: true,
  life: 1,
  restarts: 0,
  ...parts,
});

/** Key of a mapped root. */
export const key = (each: ResolvedMapping, isFile = false): string => containerPath(each, isFile).key;

export const uidOf = ({ name, life }: MemberSpec): string => `uid-${name}-${life}`;
export const containerIdOf = ({ name, life, restarts }: MemberSpec): string => `memory://${name}-${life}-${restarts}`;

export interface EnvironmentOptions {
  readonly workloads: Readonly<Record<string, readonly ResolvedMapping[]>>;
  readonly mode?: EngineOptions["mode"];
  readonly wait?: number;
  /** Files of the image, by the key of a mapped root: path -> content. */
  readonly image?: MemoryContainer["image"];
  /** What of `EngineOptions` concerns deletes. */
  readonly consent?: Pick<EngineOptions, "deletes" | "allowedDeletes" | "onDeletes">;
}

/** An engine between a cluster, containers and local files, all in memory and under a virtual clock. */
export class Environment {
  readonly cluster = new FakeCluster([TEAMS, PODS]);
  readonly events: EngineEvent[] = [];
  /** What the engine gave to `open` of the transport, in the order of the calls. */
  readonly opened: OpenContext[] = [];
  readonly engine: Engine;
  readonly stop = new AbortController();
  readonly #containers = new Map<string, MemoryContainer>();
  readonly #sources = new Map<string, MemorySource>();
  readonly #teams = new Map<string, KubeObject>();
  readonly #lives = new Map<string, number>();
  readonly #names: readonly string[];
  readonly #image: MemoryContainer["image"];
  #ended: Promise<RunResult> | undefined;

  constructor(options: EnvironmentOptions) {
    this.#names = Object.keys(options.workloads);
    this.#image = options.image ?? {};
    for (const name of this.#names) this.createTeam(name);
    const transport = defineTransport({
      name: "exec",
      capabilities: ALL_CAPABILITIES,
      open: async (target, context) => {
        this.opened.push(context);
        await Promise.resolve();
        const container = this.#containers.get(target.containerId);
        if (container === undefined || target.podUid !== container.uid) {
          throw new KinsyncError("KINSYNC_TARGET_GONE", `${targetKey(target)} no longer runs`);
        }
        return container.open(context.runId, context.since, context.host);
      },
    });
    this.engine = createEngine({
      cluster: this.cluster,
      kinds: [labelKind],
      transports: [transport],
      workloads: Object.entries(options.workloads).map(([name, mappings]): ResolvedWorkload => ({
        name: `team/${name}`,
        ref: { resource: TEAMS, namespace: NAMESPACE, name },
        mappings,
        run: [],
      })),
      runId: "this-run",
      owner: "test",
      host: "laptop",
      ...options.consent,
      mode: options.mode ?? "watch",
      ...(options.wait === undefined ? {} : { wait: options.wait }),
      signal: this.stop.signal,
      onEvent: (event) => this.events.push(event),
      createSource: (spec, sourceOptions) => {
        const source = new MemorySource(spec, sourceOptions);
        this.#sources.set(spec.from, source);
        return source;
      },
    });
  }

  /** Starts an engine with the Team `train` and its member `p`, and saves `f` once in each mapping. */
  static start(mappings: readonly ResolvedMapping[], options: Omit<EnvironmentOptions, "workloads"> = {}): Environment {
    const environment = new Environment({ ...options, workloads: { train: mappings } });
    environment.put(member("p"));
    environment.run();
    for (const each of mappings) environment.source(each).save({ f: "1" });
    return environment;
  }

  run(): void {
    this.#ended = this.engine.run();
  }

  source(mapping: ResolvedMapping): MemorySource {
    const source = this.#sources.get(mapping.from);
    if (source === undefined) throw new Error(`${mapping.id} has no source: run first`);
    return source;
  }

  /** Creates a Team, or deletes and creates it under its name. */
  createTeam(name: string): void {
    const life = (this.#lives.get(name) ?? 0) + 1;
    this.#lives.set(name, life);
    const team = object(TEAMS, name, { uid: `team-${name}-${life}` });
    this.#teams.set(name, team);
    this.cluster.put(team);
  }

  put(member: MemberSpec): void {
    this.cluster.put(this.#pod(member));
    const id = containerIdOf(member);
    if (member.isRunning && !this.#containers.has(id)) {
      this.#containers.set(id, new MemoryContainer(uidOf(member), this.#image));
    }
  }

  remove(member: MemberSpec): void {
    this.cluster.delete(this.#pod(member));
    this.#containers.get(containerIdOf(member))?.breakConnection();
  }

  container(member: MemberSpec): MemoryContainer {
    const container = this.#containers.get(containerIdOf(member));
    if (container === undefined) throw new Error(`${member.name} never ran`);
    return container;
  }

  get containers(): ReadonlyMap<string, MemoryContainer> {
    return this.#containers;
  }

  #pod(member: MemberSpec): Pod & KubeObject {
    const { name, state, role, index, side, teams, isRunning } = member;
    const status = isRunning
      ? { name: "main", containerID: containerIdOf(member), state: { running: { startedAt: "x" } } }
      : { name: "main", state: { waiting: { reason: "ContainerCreating" } } };
    return pod(name, {
      uid: uidOf(member),
      labels: {
        state,
        ...(role === undefined ? {} : { role }),
        ...(index === undefined ? {} : { index }),
        ...(side === undefined ? {} : { side }),
      },
      owners: teams.flatMap((team) => {
        const owner = this.#teams.get(team);
        return owner === undefined ? [] : [ownerReference(owner, false)];
      }),
      status: { phase: isRunning ? "Running" : "Pending", containerStatuses: [status] },
    });
  }

  /** Ends the run as Ctrl-C does. */
  async end(): Promise<RunResult> {
    this.stop.abort();
    return this.ended();
  }

  /** The end of the run; the clock runs meanwhile. */
  async ended(): Promise<RunResult> {
    const { promise, resolve } = Promise.withResolvers<RunResult>();
    void this.#ended?.then(resolve);
    for (let turn = 0; turn < 400; turn += 1) {
      const result = await Promise.race([promise, advance(1_000).then(() => undefined)]);
      if (result !== undefined) return result;
    }
    throw new Error("the run did not end within 400 s of virtual time");
  }
}
