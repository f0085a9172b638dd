import type { ASTNode } from "@marcbachmann/cel-js";
import { serialize } from "@marcbachmann/cel-js/serialize";
import { didYouMean, nearestNames } from "../../text/did-you-mean.ts";

/** An expression as the library evaluates it, and what it reads. */
export interface Rewritten {
  /** With each access to a field, each condition and each list in a form that a missing value does not break. */
  readonly text: string;
  /** Variables that it reads. */
  readonly names: ReadonlySet<string>;
  /** Parts that read one value each, without those that depend on an item of a list: `root.spec.suspend`, `labels['app']`. */
  readonly reads: readonly string[];
}

/** What is wrong, and where in the expression. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(message: string, offset: number, hint?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

const LOOPS: ReadonlySet<string> = new Set(["exists", "all", "exists_one", "filter", "map"]);
/** Functions by the form that cannot fail. */
const FUNCTIONS: Readonly<Record<string, { readonly to: string; readonly count: number }>> = {
  int: { to: "_int", count: 1 },
  string: { to: "_string", count: 1 },
  size: { to: "_size", count: 1 },
  timestamp: { to: "_timestamp", count: 1 },
  labelSelector: { to: "_selector", count: 1 },
  orElse: { to: "_orElse", count: 2 },
};
/** Methods of lists, by their functions. */
const OF_LISTS: Readonly<Record<string, string>> = { size: "_size", sum: "_sum", min: "_min", max: "_max" };
/** Methods of texts and of lists that the library has, with the numbers of their arguments. */
const METHODS: Readonly<Record<string, readonly number[]>> = {
  startsWith: [1],
  endsWith: [1],
  contains: [1],
  matches: [1],
  find: [1],
  split: [1],
  join: [0, 1],
  lowerAscii: [0],
  upperAscii: [0],
  trim: [0],
  indexOf: [1],
  lastIndexOf: [1],
  substring: [1, 2],
};
const GIVES_BOOL: ReadonlySet<string> = new Set(
  "== != < <= > >= in && || !_ has exists all exists_one startsWith endsWith contains matches hasValue".split(" "),
);
const NO_VARIABLES: ReadonlySet<string> = new Set();

/**
 * Rewrites a parsed expression so that what is missing is `null`, a condition that is `null` is false, and a list that is `null` is
 * empty. Refuses names and functions that do not exist.
 * @throws `ExpressionError`
 */
export function rewrite(node: ASTNode, variables: readonly string[]): Rewritten {
  const names = new Set<string>();
  const reads = new Set<string>();

  /** @param items variables of the lists around it */
  function emit(node: ASTNode, items: ReadonlySet<string>): string {
    const part = readOf(node, items);
    if (part !== undefined) reads.add(part);
    switch (node.op) {
      case "value":
        return serialize(node);
      case "id":
        if (!items.has(node.args)) {
          if (!variables.includes(node.args)) throw unknown(node, "a variable", node.args, [...variables, ...items]);
          names.add(node.args);
        }
        return node.args;
      case ".":
      case ".?":
        return `_at(${inner(node.args[0], items)}, ${JSON.stringify(node.args[1])})`;
      case "[]":
      case "[?]":
        return `_at(${inner(node.args[0], items)}, ${emit(node.args[1], items)})`;
      case "call":
        return emitCall(node, node.args[0], node.args[1], items);
      case "rcall":
        return emitMethod(node, node.args[0], node.args[1], node.args[2], items);
      case "list":
        return `[${node.args.map((each) => `_any(${emit(each, items)})`).join(", ")}]`;
      case "map":
        return `{${node.args.map(([key, value]) => `${emit(key, items)}: _any(${emit(value, items)})`).join(", ")}}`;
      case "?:": {
        const [condition, yes, no] = node.args;
        return `(${truth(condition, items)} ? _any(${emit(yes, items)}) : _any(${emit(no, items)}))`;
      }
      case "&&":
      case "||":
        return `(${truth(node.args[0], items)} ${node.op} ${truth(node.args[1], items)})`;
      case "!_":
        return `!(${truth(node.args, items)})`;
      case "-_":
        return `-(${emit(node.args, items)})`;
      case "in":
        return `_in(${emit(node.args[0], items)}, ${emit(node.args[1], items)})`;
      default:
        return `(${emit(node.args[0], items)} ${node.op} ${emit(node.args[1], items)})`;
    }
  }

  /** What a field is read of: its own parts explain nothing. */
  function inner(node: ASTNode, items: ReadonlySet<string>): string {
    const before = new Set(reads);
    const text = emit(node, items);
    for (const part of readsWithin(node, reads, before)) reads.delete(part);
    return text;
  }

  function readsWithin(node: ASTNode, all: ReadonlySet<string>, before: ReadonlySet<string>): readonly string[] {
    const own = readOf(node, NO_VARIABLES);
    return own === undefined ? [] : [...all].filter((part) => part === own && !before.has(part));
  }

  function truth(node: ASTNode, items: ReadonlySet<string>): string {
    const text = emit(node, items);
    const name = node.op === "call" || node.op === "rcall" ? node.args[0] : node.op;
    return GIVES_BOOL.has(name) ? text : `_truth(${text})`;
  }

  function emitCall(node: ASTNode, name: string, args: readonly ASTNode[], items: ReadonlySet<string>): string {
    const [first] = args;
    if (name === "has" && first !== undefined) return `(${emit(first, items)} != null)`;
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined) throw unknown(node, "a function", name, [...Object.keys(FUNCTIONS), "has"]);
    checkCount(node, name, args.length, [known.count]);
    return `${known.to}(${args.map((each) => emit(each, items)).join(", ")})`;
  }

  function emitMethod(
    node: ASTNode,
    name: string,
    receiver: ASTNode,
    args: readonly ASTNode[],
    items: ReadonlySet<string>,
  ): string {
    if (LOOPS.has(name)) return emitLoop(node, name, receiver, args, items);
    if (Object.hasOwn(OF_LISTS, name)) {
      checkCount(node, name, args.length, [0]);
      return `${OF_LISTS[name] ?? ""}(${emit(receiver, items)})`;
    }
    const [first] = args;
    if (name === "orValue" && first !== undefined) return `_orElse(${emit(receiver, items)}, ${emit(first, items)})`;
    if (name === "hasValue") return `(${emit(receiver, items)} != null)`;
    const counts = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
    if (counts === undefined) {
      throw unknown(node, "a method", name, [...LOOPS, ...Object.keys(OF_LISTS), ...Object.keys(METHODS)]);
    }
    checkCount(node, name, args.length, counts);
    const of = name === "join" ? `_items(${emit(receiver, items)})` : `_any(${emit(receiver, items)})`;
    return `${of}.${name}(${args.map((each) => emit(each, items)).join(", ")})`;
  }

  function emitLoop(
    node: ASTNode,
    name: string,
    receiver: ASTNode,
    args: readonly ASTNode[],
    items: ReadonlySet<string>,
  ): string {
    checkCount(node, name, args.length, name === "map" ? [2, 3] : [2]);
    const [item, ...rest] = args;
    if (item?.op !== "id") throw new ExpressionError(`the first argument of ${name}() is not a name`, node.start);
    const inside = new Set([...items, item.args]);
    const isCondition = (at: number): boolean => name !== "map" || (at === 0 && rest.length === 2);
    const body = rest.map((each, at) => (isCondition(at) ? truth(each, inside) : `_any(${emit(each, inside)})`));
    return `_items(${emit(receiver, items)}).${name}(${[item.args, ...body].join(", ")})`;
  }

  const text = emit(node, NO_VARIABLES);
  return { text, names, reads: [...reads] };
}

/** The text of a part that reads one value of the objects: a name, and fields and constant indexes of it. */
function readOf(node: ASTNode, items: ReadonlySet<string>): string | undefined {
  let at: ASTNode = node;
  while (at.op === "." || at.op === ".?" || at.op === "[]" || at.op === "[?]") {
    if ((at.op === "[]" || at.op === "[?]") && at.args[1].op !== "value") return undefined;
    at = at.args[0];
  }
  return at.op === "id" && !items.has(at.args) ? node.input.slice(node.start, node.end) : undefined;
}

function checkCount(node: ASTNode, name: string, count: number, allowed: readonly number[]): void {
  if (allowed.includes(count)) return;
  throw new ExpressionError(
    `${name}() takes ${allowed.join(" or ")} argument${allowed.at(-1) === 1 ? "" : "s"}, not ${count}`,
    node.start,
  );
}

function unknown(node: ASTNode, what: string, name: string, known: readonly string[]): ExpressionError {
  const hint = didYouMean(nearestNames(name, known), `Known here: ${[...new Set(known)].join(", ")}.`);
  // The tree has no position of a method's name.
  const start = node.op === "rcall" ? node.input.indexOf(name, node.args[1].end) : node.start;
  return new ExpressionError(`${name} is not ${what} here`, start, hint);
}
