// In more than 300 lines: one method for each step of a history.
import { expect } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import type { GangPolicy } from "../../../src/mapping/gang-policy.ts";
import { expectGangs, expectModel, expectNothingOpen, expectQuiet } from "./check.ts";
import { advance, containerIdOf, Environment, type MemberSpec } from "./environment.ts";
import type { LocalFiles } from "./memory-source.ts";
import { memoryCopies } from "./memory-copies.ts";
import {
  ALL_MAPPINGS,
  IMAGE,
  isFile,
  MAPPINGS,
  Model,
  PER_NODE,
  teamOf,
  TEAMS,
  VOLUMES,
  type PodModel,
} from "./model.ts";
import type { Step, TimedStep } from "./steps.ts";

/** A save has settled and is released. */
const SETTLED_MS = 300;
/** Steps whose effect depends on which saves were released before. */
const HOLDS: readonly Step["do"][] = ["pause", "resume", "undo", "trigger-mapping"];

export interface HistoryOptions {
  /** Policy of both workloads. Default: each member counts for itself. */
  readonly gang?: GangPolicy | undefined;
  /** Commands of the first workload. Default: none. */
  readonly run?: readonly ResolvedAction[];
}

/** Plays a history against an engine and a model, and checks that they agree at rest. */
export class HistoryPlayer {
  /** What failed is tried again now. */
  onTrigger: () => void = () => undefined;
  readonly environment: Environment;
  readonly model = new Model();
  readonly #isGang: boolean;
  /** End the slowness of containers. */
  readonly #gates: (() => void)[] = [];

  constructor({ gang, run }: HistoryOptions = {}) {
    this.#isGang = gang !== undefined;
    this.environment = new Environment({
      workloads: MAPPINGS,
      image: IMAGE,
      volumes: VOLUMES,
      consent: { deletes: "allow" },
      kept: memoryCopies(),
      ...(gang === undefined ? {} : { gang }),
      ...(run === undefined ? {} : { run: { [TEAMS[0]]: run } }),
    });
  }

  start(): void {
    this.#create(0);
    this.#create(1);
    this.environment.run();
    for (const each of ALL_MAPPINGS) {
      this.environment.source(each).hasOldBytes = false;
      this.#save(each, isFile(each) ? { "app.yaml": "v: 0" } : { f: "0" });
    }
    this.model.record();
  }

  async play(steps: readonly TimedStep[]): Promise<void> {
    for (const { step, wait } of steps) {
      // The kind's last verdict counts only if the engine received it.
      if (step.do === "own" || (step.do === "label" && step.state === "unsettled")) await advance(120_000, 30_000);
      if (this.model.hasHolds || HOLDS.includes(step.do)) await advance(SETTLED_MS);
      await this.#apply(step);
      if (this.model.hasHolds) await advance(SETTLED_MS);
      this.model.record();
      await advance(wait);
    }
  }

  /** Ends all faults and waits until nothing changes. What failed for the user to fix stays failed. */
  async rest(): Promise<void> {
    for (const container of this.environment.containers.values()) container.faults.clear();
    for (const open of this.#gates) open();
    await advance(120_000, 30_000);
  }

  /** From now on commands succeed, and those that failed get another attempt. */
  retryCommands(): void {
    for (const container of this.environment.containers.values()) container.exitCodes.clear();
    this.#trigger();
    this.model.trigger();
  }

  /** One more save of everything, which retries what failed. */
  async saveAll(): Promise<void> {
    for (const team of TEAMS) this.#resume(team);
    for (const [at, each] of ALL_MAPPINGS.entries()) {
      this.#save(
        each,
        isFile(each) ? { "app.yaml": "v: last" } : { f: "last", [`of-${at}`]: "x", "conf/": "", "conf/y": "1" },
      );
    }
    await advance(120_000, 30_000);
  }

  check(options?: { readonly mayHaveFailed: boolean }): void {
    expectModel(this.environment, this.model, options);
    expectGangs(this.environment);
  }

  checkQuiet(): Promise<void> {
    return expectQuiet(this.environment);
  }

  /** Ends the run; nothing is left open, the summary is true, and the view keeps the last state. */
  async end(): Promise<void> {
    const { summaries, outcome } = await this.environment.end();
    const isComplete = summaries.every(
      ({ targets, synced, waiting }) => targets > 0 && synced === targets && waiting === 0,
    );
    const isHeldBack = this.environment.engine.view().workloads.some(({ gang }) => gang !== undefined);
    const hasFailed = summaries.some(({ failedRuns }) => failedRuns > 0);
    expect(outcome.exitCode === 0, JSON.stringify({ summaries, outcome })).toBe(
      isComplete && !isHeldBack && !hasFailed,
    );
    expectNothingOpen(this.environment);
    this.check();
  }

  async #apply(step: Step): Promise<void> {
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
        this.model.lose(each);
        return;
      }
      case "recreate-team":
        this.environment.createTeam(step.team);
        for (const pod of this.model.pods) {
          pod.verdicts.delete(step.team);
          if (pod.exists) this.#put(pod, {});
        }
        return;
      case "watches":
        this.#disturbWatches(step.how);
        return;
      case "trigger":
        this.#trigger();
        this.model.trigger();
        return;
      case "trigger-mapping": {
        const each = mappingAt(step.mapping);
        this.#trigger({ files: [each.from] });
        this.model.trigger(each);
        return;
      }
      case "pause":
        this.#resume(step.team);
        await advance(SETTLED_MS);
        this.#trigger();
        this.model.trigger();
        this.environment.engine.commands.pause({ workload: `team/${step.team}` });
        this.model.pause(step.team);
        return;
      case "resume":
        this.#resume(step.team);
        return;
      case "dismiss":
        this.environment.engine.commands.dismiss();
        return;
      case "undo":
        await this.#undo(mappingAt(step.mapping), step.files);
        return;
      default:
        this.#applyToPod(step);
    }
  }

  #trigger(options?: { readonly files: readonly string[] }): void {
    this.onTrigger();
    void this.environment.engine.commands.trigger(options);
  }

  #resume(team: (typeof TEAMS)[number]): void {
    void this.environment.engine.commands.resume({ workload: `team/${team}` });
    this.model.resume(team);
  }

  /** Saves twice, and takes the second save back. */
  async #undo(each: ResolvedMapping, files: LocalFiles): Promise<void> {
    const before = isFile(each) ? { "app.yaml": "v: before" } : files;
    const team = teamOf(each);
    this.#resume(team);
    this.#save(each, before);
    await advance(SETTLED_MS);
    const workload = `team/${team}`;
    const { commands } = this.environment.engine;
    // A gang may not have released it: then `undo` without a number goes further back.
    const [history] = this.#isGang ? commands.history({ workload }) : [];
    const to = history && (history.candidates.at(-1) ?? history.snapshots.at(-1))?.number;
    this.#save(each, isFile(each) ? { "app.yaml": "v: undone" } : { ...files, undone: "x" });
    await advance(SETTLED_MS);
    commands.undo({ workload, to });
    this.model.undo(each, before);
  }

  #disturbWatches(how: "drop" | "end" | "compact"): void {
    const { cluster } = this.environment;
    if (how === "end") {
      cluster.end();
      return;
    }
    if (how === "compact") cluster.compact();
    cluster.drop();
  }

  #applyToPod(step: Extract<Step, { readonly pod: number }>): void {
    const at = step.pod % this.model.pods.length;
    const pod = this.model.pods[at];
    if (pod === undefined) return;
    const { spec } = pod;
    if (!pod.exists) {
      this.#create(at);
      return;
    }
    switch (step.do) {
      case "label": {
        const { state, role, index } = step;
        this.#put(pod, { state, ...(role === undefined ? {} : { role }), ...(index === undefined ? {} : { index }) });
        return;
      }
      case "own":
        this.#put(pod, { teams: step.teams });
        return;
      case "start":
        this.#put(pod, { isRunning: true });
        return;
      case "stop":
        this.environment.containers.get(containerIdOf(spec))?.breakConnection();
        this.#put(pod, { isRunning: false, restarts: spec.restarts + (spec.isRunning ? 1 : 0) });
        return;
      case "restart":
        this.environment.containers.get(containerIdOf(spec))?.breakConnection();
        this.#put(pod, { isRunning: true, restarts: spec.restarts + 1 });
        return;
      case "remove":
        this.#remove(pod);
        return;
      case "recreate":
        this.#remove(pod);
        this.#create(at);
        return;
      default:
        this.#disturb(step, spec);
    }
  }

  #disturb(
    step: Extract<
      Step,
      {
        readonly do:
          | "fail"
          | "disconnect"
          | "slow"
          | "slow-stage"
          | "slow-command"
          | "command"
          | "take-over"
          | "take-volume-over";
      }
    >,
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
    } else if (step.do === "command") container.exitCodes.set(step.command, step.exitCode);
    else if (step.do === "slow" || step.do === "slow-stage" || step.do === "slow-command") {
      const gate = Promise.withResolvers<void>();
      if (step.do === "slow") container.gate = gate.promise;
      else if (step.do === "slow-stage") container.stageGate = gate.promise;
      else container.runGate = gate.promise;
      this.#gates.push(gate.resolve);
      setTimeout(gate.resolve, 5_000);
    } else if (step.do === "take-volume-over") {
      const roots = this.environment.storage(PER_NODE, spec.node).takeOver("2027-01-01T00:00:00.000Z");
      for (const root of roots) this.model.claim(spec.node ?? "", root);
    } else {
      const roots = container.takeOver("2027-01-01T00:00:00.000Z");
      for (const root of roots) this.model.claim(containerIdOf(spec), root);
    }
  }

  #create(at: number): void {
    const pod = this.model.pods[at];
    if (pod === undefined) return;
    const { name, life } = pod.spec;
    pod.exists = true;
    pod.verdicts.clear();
    pod.spec = {
      name,
      state: "current",
      teams: TEAMS,
      isRunning: true,
      life: life + 1,
      restarts: 0,
      role: at === 0 ? "head" : "worker",
      index: String(at),
      node: at === 2 ? "n2" : "n1",
    };
    this.#put(pod, {});
  }

  #put(pod: PodModel, parts: Partial<MemberSpec>): void {
    pod.spec = { ...pod.spec, ...parts };
    this.environment.put(pod.spec);
  }

  #remove(pod: PodModel): void {
    pod.exists = false;
    this.environment.remove(pod.spec);
  }

  #save(each: ResolvedMapping, files: LocalFiles): void {
    this.environment.source(each).save(files, isFile(each) ? "file" : "directory");
    this.model.save(each, files);
  }
}

function mappingAt(index: number): ResolvedMapping {
  const each = ALL_MAPPINGS[index % ALL_MAPPINGS.length];
  if (each === undefined) throw new Error("no mappings");
  return each;
}
