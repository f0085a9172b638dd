// In more than 300 lines: one object stands for cluster, containers and local files, and tests use it whole.
import { vi } from "vitest";
import type { ReleaseMode } from "../../../src/contract/config.ts";
import type { MemberState } from "../../../src/contract/kind.ts";
import type { KubeObject, Pod } from "../../../src/contract/resource.ts";
import { targetKey } from "../../../src/contract/target.ts";
import { defineTransport, type Batch, type OpenContext } from "../../../src/contract/transport.ts";
import { createEngine } from "../../../src/engine/engine.ts";
import type { EngineEvent } from "../../../src/engine/events.ts";
import type { Engine, EngineOptions, RunResult } from "../../../src/engine/options.ts";
import type { ResolvedWorkload } from "../../../src/engine/resolved-workload.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import type { GangPolicy } from "../../../src/mapping/gang-policy.ts";
import { containerPath } from "../../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { ALL_CAPABILITIES } from "../../support/capabilities.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import type { Place } from "../../../src/contract/place.ts";
import { MemoryContainer } from "../../support/memory-container.ts";
import { MemoryStorage, type Image } from "../../support/memory-storage.ts";
import { NAMESPACE, ownerReference, pod, PODS, TEAMS, object } from "../../support/objects.ts";
import { labelKind } from "./label-kind.ts";
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
  readonly node?: string;
}

/** A volume that several containers mount at one path. */
export interface SharedVolume {
  readonly at: string;
  readonly volume: string;
  /** It is another folder on each node, although its name is one. Default: `false`. */
  readonly isPerNode?: boolean;
  /** A link in the image leads out of it: it is another folder in each pod. Default: `false`. */
  readonly isPerPod?: boolean;
}

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

type Commands = readonly ResolvedAction[] | Readonly<Record<string, readonly ResolvedAction[]>>;

export interface EnvironmentOptions {
  readonly workloads: Readonly<Record<string, readonly ResolvedMapping[]>>;
  readonly mode?: EngineOptions["mode"];
  readonly wait?: number;
  /** What the container itself holds at first. Default: nothing. */
  readonly image?: Image;
  /** What of `EngineOptions` concerns deletes. */
  readonly consent?: Pick<EngineOptions, "deletes" | "allowedDeletes" | "onDeletes">;
  /** Of all workloads, or by workload. */
  readonly run?: Commands;
  readonly releases?: ReleaseMode;
  readonly hooks?: ResolvedWorkload["hooks"];
  readonly rebuild?: ResolvedWorkload["rebuild"];
  /** The members of all workloads get a snapshot at one moment. */
  readonly gang?: GangPolicy;
  readonly kept?: EngineOptions["kept"];
  /** What the transport's receipts prove. Default: `seen`. */
  readonly acknowledges?: "seen" | "accepted";
  /** Mounted by every container. Default: none. */
  readonly volumes?: readonly SharedVolume[];
}

/** Teams with these mappings, as the engine takes them. */
export function workloadsOf(
  workloads: EnvironmentOptions["workloads"],
  run: Commands = [],
  mode: ReleaseMode = "auto",
  gang?: GangPolicy,
): readonly ResolvedWorkload[] {
  return Object.entries(workloads).map(([name, mappings]) => ({
    name: `team/${name}`,
    ref: { resource: TEAMS, namespace: NAMESPACE, name },
    mappings,
    run: isForAll(run) ? run : (run[name] ?? []),
    mode,
    ...(gang === undefined ? {} : { gang }),
  }));
}

function isForAll(run: Commands): run is readonly ResolvedAction[] {
  return Array.isArray(run);
}

/** An engine between a cluster, containers and local files, all in memory and under a virtual clock. */
export class Environment {
  readonly cluster = new FakeCluster([TEAMS, PODS]);
  readonly events: EngineEvent[] = [];
  /** Called with each event. */
  onEvent: (event: EngineEvent) => void = () => {};
  /** Called with each container that starts, before anything reaches it. */
  onContainer: (container: MemoryContainer, id: string) => void = () => {};
  /** Called with each batch before a container applies it. */
  onApply: (batch: Batch) => void = () => {};
  /** What the engine gave to `open` of the transport, in the order of the calls. */
  readonly opened: OpenContext[] = [];
  readonly engine: Engine;
  readonly stop = new AbortController();
  readonly #containers = new Map<string, MemoryContainer>();
  readonly #sources = new Map<string, MemorySource[]>();
  readonly #teams = new Map<string, KubeObject>();
  readonly #lives = new Map<string, number>();
  readonly #names: readonly string[];
  readonly #image: Image;
  readonly #volumes: readonly SharedVolume[];
  /** By volume, and by node where it differs on each. */
  readonly storages = new Map<string, MemoryStorage>();
  #ended: Promise<RunResult> | undefined;

  constructor(options: EnvironmentOptions) {
    this.#volumes = options.volumes ?? [];
    this.#names = Object.keys(options.workloads);
    this.#image = options.image ?? {};
    for (const name of this.#names) this.createTeam(name);
    const transport = defineTransport({
      name: "exec",
      capabilities: { ...ALL_CAPABILITIES, acknowledges: options.acknowledges ?? "seen" },
      place: (_target, { path }) => this.#placeOf(path),
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
      workloads: workloadsOf(options.workloads, options.run, options.releases, options.gang).map((workload) => ({
        ...workload,
        ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
        ...(options.rebuild === undefined ? {} : { rebuild: options.rebuild }),
      })),
      ...(options.kept === undefined ? {} : { kept: options.kept }),
      runId: "this-run",
      owner: "test",
      host: "laptop",
      ...options.consent,
      mode: options.mode ?? "watch",
      ...(options.wait === undefined ? {} : { wait: options.wait }),
      signal: this.stop.signal,
      onEvent: (event) => {
        this.events.push(event);
        this.onEvent(event);
      },
      createSource: (spec, sourceOptions) => {
        const source = new MemorySource(spec, sourceOptions);
        this.#sources.set(spec.from, [...(this.#sources.get(spec.from) ?? []), source]);
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
    const source = this.sources(mapping)[0];
    if (source === undefined) throw new Error(`${mapping.id} has no source: run first`);
    return source;
  }

  /** All mappings of one folder have a source each. */
  sources({ from }: ResolvedMapping): readonly MemorySource[] {
    return this.#sources.get(from) ?? [];
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
    if (!member.isRunning || this.#containers.has(id)) return;
    const mounts = this.#volumes.map((volume) => ({
      at: volume.at,
      storage: this.storage(volume, volume.isPerPod === true ? member.name : member.node),
    }));
    const container = new MemoryContainer(uidOf(member), { mounts, image: this.#image });
    container.storage.onApply = (batch) => this.onApply(batch);
    this.#containers.set(id, container);
    this.onContainer(container, id);
  }

  /** What a volume holds on a node, or in a pod. */
  storage({ volume, isPerNode, isPerPod }: SharedVolume, where: string | undefined): MemoryStorage {
    const name = isPerNode === true || isPerPod === true ? `${volume} on ${where ?? ""}` : volume;
    let storage = this.storages.get(name);
    if (storage === undefined) {
      this.storages.set(name, (storage = new MemoryStorage()));
      storage.onApply = (batch) => this.onApply(batch);
    }
    return storage;
  }

  #placeOf(path: string): Place | undefined {
    const found = this.#volumes.find(({ at }) => path === at || path.startsWith(`${at}/`));
    return found && { volume: found.volume, path: path.slice(found.at.length) || "/" };
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
    const { name, state, role, index, side, teams, isRunning, node } = member;
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
      spec: { containers: [{ name: "main", image: "busybox:1" }], ...(node === undefined ? {} : { nodeName: node }) },
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
