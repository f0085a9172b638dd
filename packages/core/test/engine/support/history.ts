import { expect, vi } from "vitest";
import type { MemberState } from "../../../src/contract/kind.ts";
import type { TargetView } from "../../../src/engine/options.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { locateRoot } from "../../../src/engine/places/locate.ts";
import { containerPath } from "../../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { mapping } from "../../support/mapping.ts";
import { PODS } from "../../support/objects.ts";
import { advance, containerIdOf, Environment, uidOf, type MemberSpec, type SharedVolume } from "./environment.ts";
import type { LocalFiles } from "./memory-source.ts";

/** One step of a history. `pod` and `mapping` are numbers into what there is. */
export type Step =
  | { readonly do: "save"; readonly mappings: readonly number[]; readonly files: LocalFiles }
  | { readonly do: "lose"; readonly mapping: number; readonly state: "missing" | "empty" }
  | {
      readonly do: "label";
      readonly pod: number;
      readonly state: MemberState;
      readonly role?: "head" | "worker" | undefined;
      readonly index?: "0" | "1" | undefined;
    }
  | { readonly do: "start" | "stop" | "restart" | "remove" | "recreate"; readonly pod: number }
  | { readonly do: "own"; readonly pod: number; readonly teams: readonly ("train" | "eval")[] }
  | { readonly do: "recreate-team"; readonly team: "train" | "eval" }
  | {
      readonly do: "fail";
      readonly pod: number;
      readonly operation: "open" | "claim" | "inventory" | "commit";
      readonly error: "lost" | "terminal";
    }
  | { readonly do: "disconnect" | "slow" | "take-over" | "take-volume-over"; readonly pod: number }
  | { readonly do: "watches"; readonly how: "drop" | "end" | "compact" }
  | { readonly do: "trigger" };

/** A step, and virtual milliseconds until the next one. */
export interface TimedStep {
  readonly step: Step;
  readonly wait: number;
}

const TEAMS = ["train", "eval"] as const;
type Team = (typeof TEAMS)[number];

/** Volumes that every container mounts. The name of the second one is the same on both nodes, and it is another folder on each. */
const CLUSTER_WIDE: SharedVolume = { at: "/shared", volume: "pvc:default/shared" };
const PER_NODE: SharedVolume = { at: "/local", volume: "pvc:default/local", isPerNode: true };
const VOLUMES = [CLUSTER_WIDE, PER_NODE];

/** Mappings that differ in every filter; `nested` lies within `all`, and `part` within `shared`, also where another pod has it. */
const MAPPINGS: Readonly<Record<Team, readonly ResolvedMapping[]>> = {
  train: [
    mapping("all", { to: "/all", states: ["current", "kept"] }),
    mapping("nested", { to: "/all/conf", states: ["current"] }),
    mapping("head", { to: "/head", roles: ["head"] }),
    mapping("file", { to: "/etc/app.yaml", indexes: ["0"] }),
    mapping("shared", { to: "/shared" }),
    mapping("part", { to: "/shared/conf", roles: ["head"] }),
  ],
  eval: [mapping("eval", { to: "/eval" }), mapping("local", { to: "/local" })],
};
export const ALL_MAPPINGS = [...MAPPINGS.train, ...MAPPINGS.eval];
export const POD_NAMES = ["p0", "p1", "p2"] as const;

type Local = { readonly state: "present"; readonly files: LocalFiles } | { readonly state: "halted" };

interface PodModel {
  spec: MemberSpec;
  exists: boolean;
  /** The last verdict of the kind that was none of `unsettled`, by team; forgotten with the pod and with the team. */
  memory: Map<
    Team,
    { readonly state: MemberState; readonly role: string | undefined; readonly index: string | undefined }
  >;
}

const isFile = (each: ResolvedMapping): boolean => each.id === "file";
const volumeOf = (each: ResolvedMapping): SharedVolume | undefined =>
  VOLUMES.find(({ at }) => each.to === at || each.to.startsWith(`${at}/`));

function keyOf(each: ResolvedMapping): string {
  const path = containerPath(each, isFile(each));
  const volume = volumeOf(each);
  if (volume === undefined) return path.key;
  const place = { volume: volume.volume, path: path.path.slice(volume.at.length) || "/" };
  return locateRoot({ podUid: "", containerId: "" }, path, "/", () => place).key;
}

/** Plays a history against an engine and a model of the world, and checks that they agree when all is at rest. */
export class HistoryPlayer {
  readonly environment = new Environment({ workloads: MAPPINGS, volumes: VOLUMES });
  readonly #locals = new Map<string, Local>();
  readonly #pods: PodModel[] = [];
  /** Mapped roots that another run claimed, as `CONTAINER ROOT`. */
  readonly #taken = new Set<string>();
  /** Containers and mapped roots that were ever to be written. */
  readonly #everWritten = new Map<string, Set<string>>();
  /** When a container was last slow. */
  readonly #gates: (() => void)[] = [];

  start(): void {
    for (const name of POD_NAMES) {
      this.#pods.push({ spec: memberSpec(name), exists: false, memory: new Map() });
    }
    this.#create(0);
    this.#create(1);
    this.environment.run();
    for (const each of ALL_MAPPINGS) this.#save(each, isFile(each) ? { "app.yaml": "v: 0" } : { f: "0" });
    this.#noteEligible();
  }

  async play(steps: readonly TimedStep[]): Promise<void> {
    for (const { step, wait } of steps) {
      // What the kind said last counts only where the engine has seen it.
      if (step.do === "own" || (step.do === "label" && step.state === "unsettled")) await advance(120_000, 30_000);
      this.#apply(step);
      this.#noteEligible();
      await advance(wait);
    }
  }

  /** Ends all faults and waits until nothing changes. What failed for the user to fix stays failed. */
  async rest(): Promise<void> {
    for (const container of this.environment.containers.values()) container.faults.clear();
    for (const open of this.#gates) open();
    await advance(120_000, 30_000);
  }

  /** One more save of everything, which retries what failed. */
  async saveAll(): Promise<void> {
    for (const [at, each] of ALL_MAPPINGS.entries()) {
      this.#save(
        each,
        isFile(each) ? { "app.yaml": "v: last" } : { f: "last", [`of-${at}`]: "x", "conf/": "", "conf/y": "1" },
      );
    }
    await advance(120_000, 30_000);
  }

  /** Every eligible target holds exactly the projected tree, nothing else was written, and all that is reported is true. */
  check(options: { readonly mayHaveFailed: boolean } = { mayHaveFailed: false }): void {
    const { engine, containers } = this.environment;
    const view = engine.view();
    for (const team of TEAMS) {
      const workload = view.workloads.find(({ name }) => name === `team/${team}`);
      const targets = new Map(workload?.targets.map((target) => [`${target.uid}/${target.containerId ?? ""}`, target]));
      const expected = this.#pods.filter((model) => this.#mappingsOf(model, team).length > 0);
      expect(targets.size, `targets of ${team}`).toBe(expected.length);
      for (const model of expected) {
        const target = targets.get(`${uidOf(model.spec)}/${model.spec.isRunning ? containerIdOf(model.spec) : ""}`);
        if (options.mayHaveFailed && (target?.status === "failed" || this.#isTaken(model, team))) continue;
        this.#checkTarget(model, team, target, workload?.snapshot ?? 0);
      }
    }
    for (const [name, storage] of this.environment.storages) {
      // What `part` overrides for a while stays there and is not known: it may be sent again afterwards.
      const rewritten = storage.rewritten.filter((each) => !each.includes(" conf/"));
      expect(rewritten, `${name} was written twice`).toEqual([]);
    }
    for (const [id, container] of containers) {
      const allowed = this.#everWritten.get(id) ?? new Set();
      for (const root of container.roots.keys()) expect(allowed, `${id} was written`).toContain(root);
    }
  }

  #checkTarget(model: PodModel, team: Team, target: TargetView | undefined, snapshot: number): void {
    const { spec } = model;
    const id = containerIdOf(spec);
    if (!spec.isRunning) {
      expect(target, `${spec.name} waits`).toMatchObject({ status: "waiting", containerId: undefined });
      return;
    }
    if (this.#isTaken(model, team)) {
      expect(target?.status, `${id} was taken over`).toBe("halted");
      return;
    }
    const container = this.environment.container(spec);
    const mappings = this.#mappingsOf(model, team);
    const all = this.#visibleIn(model, team);
    const isHalted = mappings.some((each) => this.#locals.get(each.id)?.state === "halted");
    expect(target, `${id} of ${team}`).toMatchObject({ status: isHalted ? "halted" : "synced", snapshot });
    for (const each of mappings) {
      const local = this.#locals.get(each.id);
      if (local?.state !== "present") continue;
      const storage = container.storageOf({ path: each.to });
      const seen = ownPaths(each, storage.seen(keyOf(each)), all);
      expect(seen, `${each.id} in ${id}`).toEqual(ownPaths(each, local.files, all));
    }
  }

  /** Mappings of a member, and those that other members write into the same volumes. */
  #visibleIn(model: PodModel, team: Team): readonly ResolvedMapping[] {
    const others = this.#pods.filter((other) => other !== model && other.spec.isRunning);
    const shared = others.flatMap((other) => TEAMS.flatMap((each) => this.#mappingsOf(other, each)));
    return [...this.#mappingsOf(model, team), ...shared.filter((each) => volumeOf(each) === CLUSTER_WIDE)];
  }

  /** At rest, no session claims, reads or writes anything. */
  async checkQuiet(): Promise<void> {
    const counts = (): unknown =>
      [...this.environment.storages].map(([name, { claims, inventories, commits }]) => [
        name,
        claims,
        inventories,
        commits.length,
      ]);
    const before = counts();
    const events = this.environment.events.length;
    await advance(60_000, 5_000);
    expect(counts(), "a volume at rest").toEqual(before);
    expect(this.environment.events.slice(events), "events at rest").toEqual([]);
  }

  /** Ends the run; nothing is left open, and the summary is true. */
  async end(): Promise<void> {
    const { summaries, outcome } = await this.environment.end();
    const isComplete = summaries.every(
      ({ targets, synced, waiting }) => targets > 0 && synced === targets && waiting === 0,
    );
    expect(outcome.exitCode === 0, JSON.stringify({ summaries, outcome })).toBe(isComplete);
    this.checkNothingOpen();
    // The last word stays.
    this.check();
  }

  checkNothingOpen(): void {
    expect(vi.getTimerCount(), "timers").toBe(0);
    expect(this.environment.cluster.openWatches, "watches").toBe(0);
    for (const [id, container] of this.environment.containers)
      expect(container.openSessions, `sessions of ${id}`).toBe(0);
  }

  #apply(step: Step): void {
    switch (step.do) {
      case "save":
        for (const at of step.mappings) {
          const each = ALL_MAPPINGS[at % ALL_MAPPINGS.length];
          if (each === undefined) continue;
          this.#save(each, isFile(each) ? { "app.yaml": Object.values(step.files).join() } : step.files);
        }
        return;
      case "lose": {
        const each = ALL_MAPPINGS[step.mapping % ALL_MAPPINGS.length];
        if (each === undefined || isFile(each)) return;
        this.environment.source(each).lose(step.state);
        this.#locals.set(each.id, { state: "halted" });
        return;
      }
      case "recreate-team":
        this.environment.createTeam(step.team);
        for (const model of this.#pods) {
          model.memory.delete(step.team);
          if (model.exists) this.#put(model, {});
        }
        return;
      case "watches":
        if (step.how === "drop") this.environment.cluster.drop();
        else if (step.how === "end") this.environment.cluster.end();
        else {
          this.environment.cluster.compact();
          this.environment.cluster.drop();
        }
        return;
      case "trigger":
        this.environment.engine.commands.trigger();
        return;
      default:
        this.#applyToPod(step);
    }
  }

  #applyToPod(step: Extract<Step, { readonly pod: number }>): void {
    const at = step.pod % this.#pods.length;
    const model = this.#pods[at];
    if (model === undefined) return;
    const { spec } = model;
    if (!model.exists) {
      this.#create(at);
      return;
    }
    switch (step.do) {
      case "label": {
        const { state, role, index } = step;
        this.#put(model, { state, ...(role === undefined ? {} : { role }), ...(index === undefined ? {} : { index }) });
        return;
      }
      case "own":
        this.#put(model, { teams: step.teams });
        return;
      case "start":
        this.#put(model, { isRunning: true });
        return;
      case "stop":
        this.environment.containers.get(containerIdOf(spec))?.breakConnection();
        this.#put(model, { isRunning: false, restarts: spec.restarts + (spec.isRunning ? 1 : 0) });
        return;
      case "restart":
        this.environment.containers.get(containerIdOf(spec))?.breakConnection();
        this.#put(model, { isRunning: true, restarts: spec.restarts + 1 });
        return;
      case "remove":
        this.#remove(model);
        return;
      case "recreate":
        this.#remove(model);
        this.#create(at);
        return;
      default:
        this.#disturb(step, spec);
    }
  }

  #disturb(
    step: Extract<Step, { readonly do: "fail" | "disconnect" | "slow" | "take-over" | "take-volume-over" }>,
    spec: MemberSpec,
  ): void {
    const container = this.environment.containers.get(containerIdOf(spec));
    if (container === undefined) return;
    if (step.do === "disconnect") container.breakConnection();
    else if (step.do === "fail") {
      const error =
        step.error === "lost"
          ? new KinsyncError("KINSYNC_TARGET_LOST", "the connection was lost")
          : new KinsyncError("KINSYNC_TARGET_DENIED", "not writable");
      container.failNext(step.operation, error);
    } else if (step.do === "slow") {
      const gate = Promise.withResolvers<void>();
      container.gate = gate.promise;
      this.#gates.push(gate.resolve);
      setTimeout(gate.resolve, 5_000);
    } else if (step.do === "take-volume-over") {
      const storage = this.environment.storage(PER_NODE, spec.node);
      for (const root of storage.takeOver("2027-01-01T00:00:00.000Z")) this.#taken.add(`${spec.node ?? ""} ${root}`);
    } else {
      for (const root of container.takeOver("2027-01-01T00:00:00.000Z"))
        this.#taken.add(`${containerIdOf(spec)} ${root}`);
    }
  }

  #create(at: number): void {
    const model = this.#pods[at];
    const name = POD_NAMES[at];
    if (model === undefined || name === undefined) return;
    model.exists = true;
    model.memory = new Map();
    model.spec = {
      ...memberSpec(name),
      life: model.spec.life + 1,
      role: at === 0 ? "head" : "worker",
      index: String(at),
      node: at === 2 ? "n2" : "n1",
    };
    this.#put(model, {});
  }

  #put(model: PodModel, parts: Partial<MemberSpec>): void {
    model.spec = { ...model.spec, ...parts };
    this.environment.put(model.spec);
  }

  #remove(model: PodModel): void {
    model.exists = false;
    this.environment.remove(model.spec);
  }

  #save(each: ResolvedMapping, files: LocalFiles): void {
    this.environment.source(each).save(files, isFile(each) ? "file" : "directory");
    this.#locals.set(each.id, { state: "present", files });
  }

  /** Mappings that the member's container should hold now. */
  #mappingsOf({ spec, exists, memory }: PodModel, team: Team): readonly ResolvedMapping[] {
    if (!exists || !spec.teams.includes(team)) return [];
    // `unsettled` keeps the last verdict for this pod; without one it gets no files.
    const { state, role, index } =
      spec.state === "unsettled"
        ? (memory.get(team) ?? { state: "unsettled", role: undefined, index: undefined })
        : spec;
    const shown = { state, role: spec.role ?? role, index: spec.index ?? index };
    return MAPPINGS[team].filter(
      ({ states, roles, indexes }) =>
        states.includes(shown.state) &&
        (roles === undefined || (shown.role !== undefined && roles.includes(shown.role))) &&
        (indexes === undefined || (shown.index !== undefined && indexes.includes(shown.index))),
    );
  }

  #isTaken(model: PodModel, team: Team): boolean {
    const id = containerIdOf(model.spec);
    return this.#mappingsOf(model, team).some((each) => {
      const where = volumeOf(each) === PER_NODE ? (model.spec.node ?? "") : id;
      return this.#taken.has(`${where} ${keyOf(each)}`);
    });
  }

  #noteEligible(): void {
    for (const model of this.#pods) {
      const { spec, memory, exists } = model;
      if (!exists) continue;
      for (const team of TEAMS) {
        if (spec.state !== "unsettled" && spec.teams.includes(team)) {
          memory.set(team, { state: spec.state, role: spec.role, index: spec.index });
        }
        const roots = this.#everWritten.get(containerIdOf(spec)) ?? new Set();
        for (const each of this.#mappingsOf(model, team)) roots.add(keyOf(each));
        this.#everWritten.set(containerIdOf(spec), roots);
      }
    }
  }

  /** For errors: which pods the model believes in. */
  describe(): string {
    return JSON.stringify(
      this.#pods.map(({ spec, exists }) => ({ exists, ...spec })),
      undefined,
      2,
    );
  }

  /** Lets the fake server refuse lists for a while. */
  trouble(isBusy: boolean): void {
    this.environment.cluster.trouble(PODS, isBusy ? "busy" : undefined);
  }
}

function memberSpec(name: string): MemberSpec {
  return { name, state: "current", teams: TEAMS, isRunning: true, life: 0, restarts: 0 };
}

/**
 * Paths and contents of a mapped root without those that a more specific mapping of this target overrides: these are neither written
 * nor deleted, so what an earlier set of mappings placed there stays.
 */
function ownPaths(
  each: ResolvedMapping,
  paths: Readonly<Record<string, string>>,
  mappings: readonly ResolvedMapping[],
): Record<string, string> {
  const inner = mappings.filter((other) => other !== each && other.to.startsWith(`${each.to}/`));
  const overridden = inner.map((other) => other.to.slice(each.to.length + 1));
  const entries = Object.entries(paths)
    .map(([path, content]) =>
      path.endsWith("/") ? ([path.slice(0, -1), "directory"] as const) : ([path, content] as const),
    )
    .filter(([path]) => !overridden.some((top) => path === top || path.startsWith(`${top}/`)));
  return Object.fromEntries(entries);
}
