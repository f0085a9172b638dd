import { posix } from "node:path";
import { isStaged, type CommitPlan, type PlanStep } from "../commit/commit-plan.ts";
import type { RootLocation, StageRequest } from "./agent-protocol.ts";
import { quoted } from "./quote.ts";
import { Calls } from "./shell-calls.ts";

/** A shell reads a request byte by byte. Longer text is sent as a blob, which `dd` reads at once. */
export const INLINE_CHARACTERS = 4 * 1024;

/** Calls of the agent's functions for one plan at one kind of location. */
interface CompiledPlan {
  readonly checks: readonly string[];
  readonly changes: readonly string[];
}

/** By plan, then by the facts of the location that the calls depend on: sessions with equal locations share the calls of a plan. */
const compiled = new WeakMap<CommitPlan, Map<string, CompiledPlan>>();

/** True if the stage is on another mount than the root. Every move is then a copy. */
export function isOnOtherMount(location: RootLocation): boolean {
  const holder = posix.dirname(posix.dirname(location.state));
  return holder !== location.root && holder !== posix.dirname(location.root);
}

/**
 * Shell code that executes the plan, joined by `&&`: all checks, then the journal, then all changes. The journal therefore never names
 * a path that a check refused: kinsync may neither replace nor delete it.
 */
export function commitCode(request: StageRequest): string {
  const { checks, changes } = compile(request);
  const code = [...checks, journal("placed", request.placed), ...changes].join(" &&\n");
  return code.length > INLINE_CHARACTERS ? code : code.replaceAll(" &&\n", " && ");
}

/** Shell code that appends to the journal: the text itself, or the blob with that name. */
export function journal(name: string, text: string): string {
  if (text === "") return ":";
  return text.length > INLINE_CHARACTERS ? `jb ${name}` : `ja ${quoted(text)}`;
}

function compile({ plan, location, inPlace }: StageRequest): CompiledPlan {
  const mounts = location.mounts.length === 0 ? [] : [location.root, ...location.mounts];
  const key = [isOnOtherMount(location), inPlace, ...mounts].join("\0");
  let ofPlan = compiled.get(plan);
  if (ofPlan === undefined) compiled.set(plan, (ofPlan = new Map()));
  let known = ofPlan.get(key);
  if (known === undefined) ofPlan.set(key, (known = new CodeWriter(plan, location, inPlace).write()));
  return known;
}

class CodeWriter {
  readonly #plan: CommitPlan;
  readonly #location: RootLocation;
  readonly #inPlace: boolean;
  readonly #mounts: ReadonlySet<string>;
  readonly #isOnOtherMount: boolean;
  readonly #checks = new Calls();
  readonly #changes = new Calls();

  constructor(plan: CommitPlan, location: RootLocation, inPlace: boolean) {
    this.#plan = plan;
    this.#location = location;
    this.#inPlace = inPlace;
    this.#mounts = new Set(location.mounts);
    this.#isOnOtherMount = isOnOtherMount(location);
  }

  write(): CompiledPlan {
    const { steps } = this.#plan;
    const firstMove = steps.findIndex(isStaged);
    const lead = firstMove === -1 ? [] : steps.slice(0, firstMove);
    const rest = steps.slice(lead.length);
    this.#removals(lead);
    for (const step of rest) if (step.moves) this.#move(step);
    this.#changes.cut();
    this.#removals(rest);
    this.#changes.cut();
    for (const step of rest) {
      if (step.op === "c") this.#changes.add(`ch ${step.mode.toString(8)}`, posix.dirname(step.path), [nameOf(step)]);
    }
    return { checks: this.#checks.lines(), changes: this.#changes.lines() };
  }

  #removals(steps: readonly PlanStep[]): void {
    for (const step of steps) if (step.op === "x") this.#changes.add("dx", posix.dirname(step.path), [nameOf(step)]);
    this.#changes.cut();
    const folders = steps.filter((step) => step.op === "y");
    // Deepest first, because one group may hold folders of several branches.
    folders.sort((a, b) => b.path.split("/").length - a.path.split("/").length);
    for (const step of folders) this.#changes.add("dy", posix.dirname(step.path), [nameOf(step)]);
    this.#changes.cut();
  }

  #move(step: PlanStep): void {
    const folder = posix.dirname(step.path);
    const name = nameOf(step);
    const absolute = posix.join(this.#location.root, step.path);
    if (step.op !== "d" && this.#mounts.has(absolute)) {
      if (step.op === "f" && this.#inPlace) this.#changes.add("mi", folder, [name], true);
      else this.#checks.add("mt", undefined, [step.path], true);
      return;
    }
    if (step.op === "d") this.#checks.add(step.replaces === "f" ? "pr" : "pd", folder, [name]);
    else if (step.replaces === "d") {
      const below = this.#plan.steps.filter(
        ({ op, path }) => (op === "x" || op === "y") && path.startsWith(`${step.path}/`),
      );
      this.#checks.add("px", folder, [name, ...below.map(({ path }) => path)], true);
    } else this.#checks.add("pf", folder, [name]);

    if (this.#isOnOtherMount || this.#isInMount(absolute)) {
      if (step.replaces === "d") this.#changes.add("dy", folder, [name]);
      if (step.op === "d" && step.replaces === "f") this.#changes.add("dx", folder, [name]);
      this.#changes.add("mc", folder, [name], true);
    } else if (step.op === "d") this.#changes.add("md", folder, [name]);
    else if (step.replaces === "d") this.#changes.add("mx", folder, [name], true);
    else this.#changes.add(step.op === "f" && step.replaces === "f" ? "mo" : "mn", folder, [name]);
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
