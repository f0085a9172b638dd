import { posix } from "node:path";
import { isStaged, type CommitPlan } from "../../src/commit/commit-plan.ts";
import type { Instruction } from "../../src/commit/instruction-list.ts";

export type Node =
  | { readonly type: "file"; readonly value: string }
  | { readonly type: "link"; readonly value: string }
  | { readonly type: "directory" };

/** A tree: path to node, without the root. */
export type Tree = ReadonlyMap<string, Node>;

/** What an agent reports instead of an answer. */
export class ModelFailure extends Error {
  readonly kind: string;

  constructor(kind: string) {
    super(kind);
    this.kind = kind;
  }
}

/** The call of the file system that fails, counted from 1. */
export interface Fault {
  readonly call: number;
  readonly kind: string;
}

/** An agent on a file system in memory. Executes instructions as agent-protocol.md describes them, and can fail at any call. */
export class ModelAgent {
  readonly tree: Map<string, Node>;
  /** Paths that the journal holds. */
  readonly journal = new Set<string>();
  /** Calls so far. */
  calls = 0;
  /** Called after each change. */
  onChange: () => void = () => {};
  readonly #staged = new Map<string, Node>();
  readonly #fault: Fault | undefined;

  constructor(tree: Tree, plan: CommitPlan, fault?: Fault) {
    this.tree = new Map(tree);
    this.#fault = fault;
    for (const step of plan.steps) {
      if (!isStaged(step)) continue;
      const value = step.value;
      this.#staged.set(
        step.path,
        step.op === "d" ? { type: "directory" } : { type: step.op === "f" ? "file" : "link", value },
      );
    }
  }

  /** @throws `ModelFailure` at the first check or call that fails; what was done before stays */
  execute({ word, arguments: words }: Instruction): void {
    const [folder = "", ...names] = words;
    const paths = names.map((name) => posix.join(folder, name));
    switch (word) {
      case "mt":
        throw new ModelFailure("MOUNTED");
      case "pf":
      case "pi":
        this.#check(folder, paths, (node) => (node?.type === "directory" ? "FOREIGN" : undefined));
        return;
      case "pd":
        this.#check(folder, paths, (node) => (node === undefined || node.type === "link" ? undefined : "CHANGED"));
        return;
      case "ps":
        // Names differ in this model where they differ by case only.
        this.#check(folder, paths.slice(0, 1), (node) =>
          node === undefined || node.type === "link" ? undefined : "CHANGED",
        );
        return;
      case "pr":
        this.#check(folder, paths, (node) => (node?.type === "directory" ? "CHANGED" : undefined));
        return;
      case "px":
        this.#checkEmptied(folder, posix.join(folder, names[0] ?? ""), new Set(names.slice(1)));
        return;
      case "ja":
        this.#call();
        for (const path of words) this.journal.add(path);
        return;
      case "mn":
      case "mo":
      case "mw":
      case "mc":
        for (const path of paths) this.#place(path);
        return;
      case "mi":
        for (const path of paths) this.#set(path, this.#stagedAt(path));
        return;
      case "md":
        for (const path of paths) {
          const old = this.tree.get(path);
          if (old !== undefined && old.type !== "directory") this.#remove(path);
          this.#place(path);
        }
        return;
      case "mx":
        for (const path of paths) {
          if (this.tree.get(path)?.type === "directory") this.#removeFolder(path);
          this.#place(path);
        }
        return;
      case "dx":
        for (const path of paths) {
          const old = this.tree.get(path);
          if (old !== undefined && old.type !== "directory") this.#remove(path);
        }
        return;
      case "dy":
        for (const path of paths)
          if (this.tree.get(path)?.type === "directory" && !this.#hasContent(path)) this.#removeFolder(path);
        return;
      case "wt":
        return;
      case "ch":
        return;
      default:
        throw new Error(`there is no instruction ${word}`);
    }
  }

  #call(): void {
    this.calls += 1;
    if (this.calls === this.#fault?.call) throw new ModelFailure(this.#fault.kind);
  }

  #folder(folder: string): void {
    if (folder !== "" && this.tree.get(folder)?.type !== "directory") throw new ModelFailure("CHANGED");
  }

  #check(folder: string, paths: readonly string[], refuse: (node: Node | undefined) => string | undefined): void {
    this.#call();
    this.#folder(folder);
    for (const path of paths) {
      const kind = refuse(this.tree.get(path));
      if (kind !== undefined) throw new ModelFailure(kind);
    }
  }

  #checkEmptied(folder: string, emptied: string, removed: ReadonlySet<string>): void {
    this.#call();
    this.#folder(folder);
    for (const path of this.tree.keys())
      if (path.startsWith(`${emptied}/`) && !removed.has(path)) throw new ModelFailure("FOREIGN");
  }

  #hasContent(path: string): boolean {
    return [...this.tree.keys()].some((other) => other.startsWith(`${path}/`));
  }

  #stagedAt(path: string): Node {
    const node = this.#staged.get(path);
    if (node === undefined) throw new Error(`${path} is not staged`);
    return node;
  }

  #set(path: string, node: Node): void {
    this.#call();
    this.tree.set(path, node);
    this.onChange();
  }

  /** A rename: all or nothing, over anything but a folder. */
  #place(path: string): void {
    this.#folder(posix.dirname(path) === "." ? "" : posix.dirname(path));
    const node = this.#stagedAt(path);
    const old = this.tree.get(path);
    if (old?.type === "directory") throw new ModelFailure(node.type === "directory" ? "ENOTEMPTY" : "EISDIR");
    if (old !== undefined && node.type === "directory") throw new ModelFailure("ENOTDIR");
    this.#call();
    for (const [inner, content] of this.#staged)
      if (inner === path || (node.type === "directory" && inner.startsWith(`${path}/`))) this.tree.set(inner, content);
    this.onChange();
  }

  #remove(path: string): void {
    this.#call();
    this.tree.delete(path);
    this.onChange();
  }

  #removeFolder(path: string): void {
    if (this.#hasContent(path)) throw new ModelFailure("ENOTEMPTY");
    this.#remove(path);
  }
}
