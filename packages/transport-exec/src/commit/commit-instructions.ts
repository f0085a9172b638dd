import { posix } from "node:path";
import { folded } from "@kinsync/core/contract";
import { isStaged, type CommitPlan, type PlanStep } from "./commit-plan.ts";
import type { RootLocation } from "../protocol/agent-protocol.ts";
import { InstructionList, type Instruction } from "./instruction-list.ts";

/**
 * What an agent does for one plan at one kind of location: all checks, then the journal, then all changes. The journal therefore never
 * names a path that a check refused: kinsync may neither replace nor delete it.
 */
export interface CommitInstructions {
  readonly checks: readonly Instruction[];
  readonly changes: readonly Instruction[];
}

/** By plan, then by the facts of the location that matter: sessions with equal locations share the instructions of a plan. */
const compiled = new WeakMap<CommitPlan, Map<string, CommitInstructions>>();

/** True if the stage is on another mount than the root. Every move is then a copy. */
export function isOnOtherMount(location: RootLocation): boolean {
  const holder = posix.dirname(posix.dirname(location.state));
  return holder !== location.root && holder !== posix.dirname(location.root);
}

/** Compiles a plan. This is the only place that decides what is checked, in which order paths change, and how each one gets its place. */
export function commitInstructions(plan: CommitPlan, location: RootLocation, inPlace: boolean): CommitInstructions {
  const mounts = location.mounts.length === 0 ? [] : [location.root, ...location.mounts];
  const key = [isOnOtherMount(location), inPlace, ...mounts].join("\0");
  let ofPlan = compiled.get(plan);
  if (ofPlan === undefined) compiled.set(plan, (ofPlan = new Map()));
  let known = ofPlan.get(key);
  if (known === undefined) ofPlan.set(key, (known = new Compiler(plan, location, inPlace).compile()));
  return known;
}

class Compiler {
  readonly #plan: CommitPlan;
  readonly #location: RootLocation;
  readonly #inPlace: boolean;
  readonly #mounts: ReadonlySet<string>;
  readonly #isOnOtherMount: boolean;
  /** What is deleted before everything that is written, by its path without case. */
  readonly #madeRoom = new Map<string, string[]>();
  readonly #checks = new InstructionList();
  readonly #changes = new InstructionList();

  constructor(plan: CommitPlan, location: RootLocation, inPlace: boolean) {
    this.#plan = plan;
    this.#location = location;
    this.#inPlace = inPlace;
    this.#mounts = new Set(location.mounts);
    this.#isOnOtherMount = isOnOtherMount(location);
  }

  compile(): CommitInstructions {
    const { steps } = this.#plan;
    const firstMove = steps.findIndex(isStaged);
    const lead = firstMove === -1 ? [] : steps.slice(0, firstMove);
    const rest = steps.slice(lead.length);
    for (const { path } of lead) this.#madeRoom.set(folded(path), [...(this.#madeRoom.get(folded(path)) ?? []), path]);
    this.#removals(lead);
    for (const step of rest) if (step.moves) this.#move(step);
    this.#changes.cut();
    this.#removals(rest);
    this.#changes.cut();
    for (const step of rest) {
      if (step.op === "c") this.#changes.addNames("ch", [step.mode.toString(8), folderOf(step)], [nameOf(step)]);
    }
    return { checks: this.#checks.all(), changes: this.#changes.all() };
  }

  #removals(steps: readonly PlanStep[]): void {
    for (const step of steps) if (step.op === "x") this.#changes.addNames("dx", [folderOf(step)], [nameOf(step)]);
    this.#changes.cut();
    const folders = steps.filter((step) => step.op === "y");
    // Deepest first, because one group may hold folders of several branches.
    folders.sort((a, b) => b.path.split("/").length - a.path.split("/").length);
    for (const step of folders) this.#changes.addNames("dy", [folderOf(step)], [nameOf(step)]);
    this.#changes.cut();
  }

  #move(step: PlanStep): void {
    const folder = folderOf(step);
    const name = nameOf(step);
    const absolute = posix.join(this.#location.root, step.path);
    if (step.op !== "d" && this.#mounts.has(absolute)) {
      if (step.op === "f" && this.#inPlace) this.#changes.add("mi", [folder, name]);
      else this.#checks.add("mt", [step.path]);
      return;
    }
    this.#check(step, folder, name);
    if (this.#isOnOtherMount || this.#isInMount(absolute)) {
      if (step.replaces === "d") this.#changes.addNames("dy", [folder], [name]);
      if (step.op === "d" && step.replaces === "f") this.#changes.addNames("dx", [folder], [name]);
      this.#changes.cut();
      this.#changes.add("mc", [folder, name]);
    } else if (step.op === "d") this.#changes.addNames("md", [folder], [name]);
    else if (step.replaces === "d") this.#changes.add("mx", [folder, name]);
    else if (step.op === "f" && this.#inPlace) this.#changes.add("mw", [folder, name]);
    else this.#changes.addNames(step.op === "f" && step.replaces === "f" ? "mo" : "mn", [folder], [name]);
  }

  #check(step: PlanStep, folder: string, name: string): void {
    const formerNames =
      step.replaces === "-" && this.#madeRoom.size > 0 ? this.#madeRoom.get(folded(step.path)) : undefined;
    // A file system without case answers for the former name, which goes before.
    if (formerNames !== undefined) this.#checks.add("ps", [folder, name, ...formerNames]);
    else if (step.op === "d") this.#checks.addNames(step.replaces === "-" ? "pd" : "pr", [folder], [name]);
    else if (step.replaces === "d") {
      const below = this.#plan.steps.filter(
        ({ op, path }) => (op === "x" || op === "y") && path.startsWith(`${step.path}/`),
      );
      this.#checks.add("px", [folder, name, ...below.map(({ path }) => path)]);
    } else if (step.op === "f" && this.#inPlace) this.#checks.add("pi", [folder, name]);
    else this.#checks.addNames("pf", [folder], [name]);
  }

  #isInMount(absolute: string): boolean {
    if (this.#mounts.size === 0) return false;
    for (let at = posix.dirname(absolute); at.length > this.#location.root.length; at = posix.dirname(at)) {
      if (this.#mounts.has(at)) return true;
    }
    return false;
  }
}

/** The folder that contains the path, relative to the root; empty for the root itself. */
export function folderOf(step: PlanStep): string {
  const folder = posix.dirname(step.path);
  return folder === "." ? "" : folder;
}

export function nameOf(step: PlanStep): string {
  return posix.basename(step.path);
}
