import { expect } from "vitest";
import type { LocalEvent } from "../../../../src/engine/events.ts";
import { mapping } from "../../../support/mapping.ts";
import { advance, Environment, key, member, type MemberSpec } from "../../support/environment.ts";
import type { MemoryContainer } from "../../../support/memory-container.ts";
import { memoryCopies } from "../../support/memory-copies.ts";
import { LocalMachine } from "./local-machine.ts";
import { LOCAL_COMMANDS, POD_COUNT, type LocalName, type LocalOptions, type TimedLocalStep } from "./local-steps.ts";

const MAPPING = mapping("a", { ignore: ["Dockerfile"] });
const COMMAND = { folder: "/", timeout: 60_000 };
/** Within it, a container that begins to run is known, and has the released files. */
const NOTICE_MS = 1_000;
/** Until a state of the memory has settled. */
const SETTLE_MS = 5;

/** Plays a history of one workload with commands on this machine, and compares what happens with what its rules say. */
export class LocalPlayer {
  readonly environment: Environment;
  readonly machine = new LocalMachine();
  readonly #options: LocalOptions;
  readonly #pods: (MemberSpec | undefined)[] = Array.from({ length: POD_COUNT }, () => undefined);
  readonly #lives = Array.from({ length: POD_COUNT }, () => 1);
  /** Moment of each save, by its number. */
  readonly #saves: number[] = [];
  readonly #dockerfiles: number[] = [];
  /** Moments at which a pod appeared. */
  readonly #appeared: number[] = [];
  readonly #replaced: number[] = [];
  /** The last snapshot that `after` followed, and the containers that had to hold it by then. */
  #followed: { readonly snapshot: number; readonly holders: ReadonlySet<MemoryContainer> } | undefined;
  /** When each container began to run. */
  readonly #begun = new WeakMap<MemoryContainer, number>();
  readonly #problems: string[] = [];

  constructor(options: LocalOptions) {
    this.#options = options;
    const { commands, gang, releases } = options;
    const has = (name: LocalName): boolean => commands.includes(name);
    const of = (name: LocalName) => (has(name) ? { [name]: { ...COMMAND, command: name } } : {});
    this.environment = new Environment({
      workloads: { train: [MAPPING] },
      releases,
      ...(gang === undefined ? {} : { gang }),
      kept: memoryCopies(),
      ...(has("before") || has("after") ? { hooks: { ...of("before"), ...of("after") } } : {}),
      ...(has("rebuild") ? { rebuild: { ...COMMAND, command: "rebuild", when: ["Dockerfile"] } } : {}),
    });
    this.environment.onContainer = (container) => {
      this.#begun.set(container, performance.now());
      container.onBatch = (what, { snapshot, entries }) => {
        if (what !== "applied") return;
        this.#checkApproved();
        // A session that was lost is followed by one that changes nothing.
        if (entries.length > 0) this.#checkLanded(container, snapshot);
      };
    };
    this.machine.onBegin = (name) => {
      if (name === "after") this.#afterBegins();
    };
    this.environment.onEvent = (event) => {
      if (event.event === "local") this.#onLocal(event);
    };
  }

  get problems(): readonly string[] {
    return [...this.#problems, ...this.machine.problems];
  }

  /** Two members run, and nothing was saved yet. */
  async start(): Promise<void> {
    this.environment.run();
    for (const pod of [0, 1]) this.#put(pod);
    this.#save();
    this.#saveDockerfile();
    await advance(20);
    // The image has the first one.
    this.#dockerfiles.length = 0;
  }

  async play({ step, wait }: TimedLocalStep): Promise<void> {
    const { commands } = this.environment.engine;
    const ignore = (): undefined => undefined;
    switch (step.do) {
      case "save":
        this.#save();
        break;
      case "save-dockerfile":
        this.#saveDockerfile();
        break;
      case "command":
        this.machine.set(step.name, step.ok, step.durationMs);
        break;
      case "trigger":
        void commands.trigger().catch(ignore);
        break;
      case "resume":
        void commands.resume().catch(ignore);
        break;
      case "pause":
        commands.pause();
        break;
      case "undo":
        try {
          commands.undo();
        } catch {
          // There is nothing to undo.
        }
        break;
      case "dismiss":
        commands.dismiss();
        break;
      default:
        this.#change(step.do, step.pod);
    }
    await this.wait(wait);
  }

  wait(milliseconds: number): Promise<void> {
    return advance(milliseconds, Math.max(100, milliseconds / 20));
  }

  #save(): void {
    this.#saves.push(performance.now());
    this.#source(false)?.save({ f: String(this.#saves.length) });
  }

  #saveDockerfile(): void {
    this.#dockerfiles.push(performance.now());
    this.#source(true)?.save({ Dockerfile: String(performance.now()) });
  }

  /** The files of the mapping, or those that need a new image. */
  #source(isRebuild: boolean) {
    return this.environment.sources(MAPPING).find(({ spec }) => (spec.ignore[0] === "*") === isRebuild);
  }

  #put(pod: number): void {
    const spec = member(`p${pod}`, { life: this.#lives[pod] ?? 1 });
    this.#pods[pod] = spec;
    this.#appeared.push(performance.now());
    this.environment.put(spec);
  }

  #change(what: "start" | "remove" | "recreate" | "restart", pod: number): void {
    const spec = this.#pods[pod];
    if (spec === undefined) {
      if (what === "start" || what === "recreate") this.#put(pod);
      return;
    }
    if (what === "restart") {
      const next = { ...spec, restarts: spec.restarts + 1 };
      this.environment.container(spec).breakConnection();
      this.#pods[pod] = next;
      this.environment.put(next);
    } else if (what !== "start") {
      this.environment.remove(spec);
      this.#pods[pod] = undefined;
      this.#lives[pod] = (this.#lives[pod] ?? 1) + 1;
      if (what === "recreate") this.#put(pod);
    }
  }

  #onLocal({ what, phase }: LocalEvent): void {
    if (phase !== "replaced") return;
    this.#replaced.push(performance.now());
    const last = this.machine.of("rebuild").at(-1);
    if (what !== "rebuild" || last?.ok !== true) this.#problems.push("pods were replaced without a rebuild");
    else if (!this.#appeared.some((at) => at >= (last.end ?? Infinity)))
      this.#problems.push("no pod has appeared since the rebuild");
  }

  /** What a container holds: the number of the save; 0: nothing. */
  #held(spec: MemberSpec): number {
    const files = this.environment.container(spec).seen(key(MAPPING));
    if (files["Dockerfile"] !== undefined) this.#problems.push(`${spec.name} got the Dockerfile`);
    return Number(files["f"] ?? 0);
  }

  get #running(): readonly MemberSpec[] {
    return this.#pods.filter((pod) => pod !== undefined);
  }

  /** Nothing is in a container that was saved after the end of the last `before` that succeeded. */
  #checkApproved(): void {
    if (!this.#options.commands.includes("before")) return;
    const approved = this.machine.of("before").flatMap(({ ok, end }) => (ok ? (end ?? []) : []));
    for (const spec of this.#running) {
      const held = this.#held(spec);
      const savedAt = this.#saves[held - 1];
      if (held > 0 && savedAt !== undefined && !approved.some((end) => end >= savedAt))
        this.#problems.push(`${spec.name} holds save ${held}, for which \`before\` has not succeeded`);
    }
  }

  #afterBegins(): void {
    const [workload] = this.environment.engine.view().workloads;
    const isKnown = (container: MemoryContainer): boolean =>
      performance.now() - (this.#begun.get(container) ?? Infinity) >= NOTICE_MS;
    const holders = this.#running.map((spec) => this.environment.container(spec)).filter(isKnown);
    this.#followed = { snapshot: workload?.snapshot ?? 0, holders: new Set(holders) };
  }

  /** `after` follows a snapshot when all containers hold it. */
  #checkLanded(container: MemoryContainer, snapshot: number): void {
    const { snapshot: followed = 0, holders } = this.#followed ?? {};
    if (snapshot <= followed && holders?.has(container) === true)
      this.#problems.push(`\`after\` ran before a container held snapshot ${snapshot}`);
  }

  /** All commands succeed from now on, and what waits is released. */
  async rest(): Promise<void> {
    for (const name of LOCAL_COMMANDS) this.machine.set(name, true, 20);
    const { commands } = this.environment.engine;
    await this.wait(10_000);
    await Promise.all([commands.resume(), this.wait(1_000)]);
    if (this.#running.length === 0) this.#put(0);
    this.#save();
    if (this.#options.commands.includes("rebuild")) this.#saveDockerfile();
    await this.wait(5_000);
    await Promise.all([commands.trigger(), this.wait(1_000)]);
    await advance(60_000, 10_000);
  }

  /** Every member has the last save, every due command has run, and nothing more happens. */
  expectAtRest(): void {
    const [workload] = this.environment.engine.view().workloads;
    const last = this.#saves.length;
    for (const spec of this.#running) expect(this.#held(spec), spec.name).toBe(last);
    expect(workload?.before).toBeUndefined();
    expect(workload?.local).toBeUndefined();
    expect(workload?.pending).toBeUndefined();
    const savedAt = this.#saves.at(-1) ?? 0;
    for (const name of ["before", "after"] as const) {
      const run = this.machine.of(name).at(-1);
      if (this.#options.commands.includes(name)) expect(run, name).toMatchObject({ ok: true });
      if (run !== undefined) expect(run.begin, name).toBeGreaterThanOrEqual(savedAt);
    }
    this.#expectRebuilds();
  }

  /** A run for each change, or for several changes during the run before it; none without a change. */
  #expectRebuilds(): void {
    const runs = this.machine.of("rebuild");
    if (!this.#options.commands.includes("rebuild")) return;
    expect(runs.at(-1)).toMatchObject({ ok: true });
    expect(runs.at(-1)?.begin).toBeGreaterThanOrEqual(this.#dockerfiles.at(-1) ?? 0);
    for (const [at, { begin }] of runs.entries()) {
      const since = runs[at - 1]?.begin ?? 0;
      const isDue = this.#dockerfiles.some((saved) => saved <= begin && saved >= since - SETTLE_MS);
      expect(isDue, `run ${at} of rebuild, at ${begin}`).toBe(true);
    }
    expect(this.#replaced.length).toBeLessThanOrEqual(runs.filter(({ ok }) => ok).length);
  }

  async end(): Promise<void> {
    await this.environment.end();
  }
}
