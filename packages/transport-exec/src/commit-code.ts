import { posix } from "node:path";
import { isStaged, type CommitPlan, type PlanStep } from "./commit-plan.ts";
import type { Place, StageRequest } from "./dialect.ts";
import { quoted } from "./quote.ts";
import { Calls } from "./shell-calls.ts";

/** A shell reads a request byte by byte; from here on the text goes as a blob, which `dd` takes at once. */
export const INLINE = 4 * 1024;

const codes = new WeakMap<CommitPlan, { readonly place: Place; readonly code: string }>();

/** The stage is on another mount than the root: every move is a copy. */
export function isApart(place: Place): boolean {
  const holder = posix.dirname(posix.dirname(place.state));
  return holder !== place.root && holder !== posix.dirname(place.root);
}

/**
 * What carries the plan out, joined by `&&`: all checks, then the journal, then all changes. The journal never names what a check
 * refused: that is not kinsync's to replace or to delete.
 */
export function commitCode(request: StageRequest): string {
  const { plan, place, inPlace } = request;
  const known = codes.get(plan);
  if (known?.place === place) return known.code;
  const code = new CodeWriter(plan, place, inPlace).write(journal("placed", request.placed));
  codes.set(plan, { place, code });
  return code;
}

/** What adds to the journal: a text, or the blob of that name. */
export function journal(name: string, text: string): string {
  if (text === "") return ":";
  return text.length > INLINE ? `jb ${name}` : `ja ${quoted(text)}`;
}

class CodeWriter {
  readonly #plan: CommitPlan;
  readonly #place: Place;
  readonly #inPlace: boolean;
  readonly #mounts: ReadonlySet<string>;
  readonly #isApart: boolean;
  readonly #checks = new Calls();
  readonly #changes = new Calls();

  constructor(plan: CommitPlan, place: Place, inPlace: boolean) {
    this.#plan = plan;
    this.#place = place;
    this.#inPlace = inPlace;
    this.#mounts = new Set(place.mounts);
    this.#isApart = isApart(place);
  }

  write(placed: string): string {
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
    const code = [...this.#checks.lines(), placed, ...this.#changes.lines()].join(" &&\n");
    return code.length > INLINE ? code : code.replaceAll(" &&\n", " && ");
  }

  #removals(steps: readonly PlanStep[]): void {
    for (const step of steps) if (step.op === "x") this.#changes.add("dx", posix.dirname(step.path), [nameOf(step)]);
    this.#changes.cut();
    const folders = steps.filter((step) => step.op === "y");
    // Deepest first, also where a group holds folders of several branches.
    folders.sort((a, b) => b.path.split("/").length - a.path.split("/").length);
    for (const step of folders) this.#changes.add("dy", posix.dirname(step.path), [nameOf(step)]);
    this.#changes.cut();
  }

  #move(step: PlanStep): void {
    const folder = posix.dirname(step.path);
    const name = nameOf(step);
    const absolute = posix.join(this.#place.root, step.path);
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

    if (this.#isApart || this.#isInMount(absolute)) {
      if (step.replaces === "d") this.#changes.add("dy", folder, [name]);
      if (step.op === "d" && step.replaces === "f") this.#changes.add("dx", folder, [name]);
      this.#changes.add("mc", folder, [name], true);
    } else if (step.op === "d") this.#changes.add("md", folder, [name]);
    else if (step.replaces === "d") this.#changes.add("mx", folder, [name], true);
    else this.#changes.add(step.op === "f" && step.replaces === "f" ? "mo" : "mn", folder, [name]);
  }

  #isInMount(absolute: string): boolean {
    if (this.#mounts.size === 0) return false;
    for (let at = posix.dirname(absolute); at.length > this.#place.root.length; at = posix.dirname(at)) {
      if (this.#mounts.has(at)) return true;
    }
    return false;
  }
}

/** The folder that it is in, relative to the root; empty for the root itself. */
export function folderOf(step: PlanStep): string {
  const folder = posix.dirname(step.path);
  return folder === "." ? "" : folder;
}

export function nameOf(step: PlanStep): string {
  return posix.basename(step.path);
}
