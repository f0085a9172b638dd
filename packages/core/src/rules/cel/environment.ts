import { Environment } from "@marcbachmann/cel-js";
import { formatLabelSelector, type LabelSelector } from "../../contract/label-selector.ts";
import { aggregate, fieldOf, instantOf, integerOf, isIn, itemsOf, sizeOf, textOf, truthOf } from "./values.ts";

/** A parsed expression, which only the library reads. */
type Node = object;
type Context = object;

interface Checker {
  check(node: Node, context: Context): unknown;
  getType(name: string): unknown;
}

interface Evaluator {
  run(node: Node, context: Context): unknown;
}

interface Macro {
  readonly args: readonly [Node, Node];
}

/** What an expression may contain. Structure is bounded here, and steps are counted: CEL has no loops but those over lists. */
const LIMITS = { maxAstNodes: 2_000, maxDepth: 64, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 8 };

const TIMESTAMP = "google.protobuf.Timestamp";
const COMPARED = ["int", "double", "string", "bool", TIMESTAMP] as const;
const ADDED = ["int", "double", "string", "list<dyn>"] as const;

/** What methods of texts give where the text is missing. */
const OF_NOTHING: readonly (readonly [signature: string, result: unknown])[] = [
  ["startsWith(string): bool", false],
  ["endsWith(string): bool", false],
  ["contains(string): bool", false],
  ["matches(string): bool", false],
  ["find(string): null", null],
  ["split(string): list<string>", []],
  ["lowerAscii(): null", null],
  ["upperAscii(): null", null],
  ["trim(): null", null],
  ["indexOf(string): int", -1n],
  ["lastIndexOf(string): int", -1n],
  ["substring(int): null", null],
  ["substring(int, int): null", null],
];

/** CEL with the functions that null-safe expressions are rewritten to (`rewrite.ts`). Expensive: one for each file of rules. */
export function createEnvironment(variables: Iterable<string>): Environment {
  const env = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits: LIMITS });
  macro(env, "_at(ast, ast)", "dyn", (ev, { args }, ctx) => fieldOf(ev.run(args[0], ctx), ev.run(args[1], ctx)));
  macro(env, "_in(ast, ast)", "bool", (ev, { args }, ctx) => isIn(ev.run(args[0], ctx), ev.run(args[1], ctx)));
  macro(env, "_orElse(ast, ast)", "dyn", (ev, { args }, ctx) => ev.run(args[0], ctx) ?? ev.run(args[1], ctx));
  unary(env, "_any", "dyn", (value) => value);
  unary(env, "_truth", "bool", truthOf);
  unary(env, "_items", "dyn", itemsOf);
  unary(env, "_int", "dyn", integerOf);
  unary(env, "_string", "dyn", textOf);
  unary(env, "_timestamp", "dyn", instantOf);
  unary(env, "_size", "int", sizeOf);
  unary(env, "_selector", "dyn", (value) => formatLabelSelector(value as LabelSelector | undefined) ?? null);
  for (const kind of ["sum", "min", "max"] as const) unary(env, `_${kind}`, "dyn", (value) => aggregate(value, kind));
  env.registerFunction("string.find(string): dyn", (text: string, pattern: string) => find(text, pattern), SYNC);
  for (const [signature, result] of OF_NOTHING) env.registerFunction(`null.${signature}`, () => result, SYNC);
  for (const name of ["startsWith", "endsWith", "contains"]) {
    env.registerFunction(`string.${name}(null): bool`, () => false, SYNC);
  }
  for (const operator of ["<", "<=", ">", ">="]) {
    nothingBetween(env, operator, COMPARED, () => false);
  }
  for (const operator of ["+", "-", "*", "/", "%"]) {
    nothingBetween(env, operator, operator === "+" ? ADDED : ["int", "double"], () => null);
  }
  for (const name of variables) env.registerVariable(name, "dyn");
  return env;
}

const SYNC = { async: false };

/** The first part of the text that the pattern fits, or `null`. */
function find(text: string, pattern: string): string | null {
  return new RegExp(pattern, "u").exec(text)?.[0] ?? null;
}

/** An operator of which one side is missing, or both. */
function nothingBetween(env: Environment, operator: string, types: readonly string[], result: () => unknown): void {
  const returns = result() === null ? "null" : "bool";
  for (const [left, right] of [
    ...types.flatMap((type) => [
      [type, "null"],
      ["null", type],
    ]),
    ["null", "null"],
  ]) {
    register(env, `${left} ${operator} ${right}: ${returns}`, result);
  }
}

function register(env: Environment, signature: string, handler: () => unknown): void {
  // Its declaration lacks the third argument, which says that nothing has to be awaited.
  (env.registerOperator as (signature: string, handler: () => unknown, options: object) => unknown).call(
    env,
    signature,
    handler,
    SYNC,
  );
}

function unary(env: Environment, name: string, type: string, of: (value: unknown) => unknown): void {
  macro(env, `${name}(ast)`, type, (ev, { args }, ctx) => of(ev.run(args[0], ctx)));
}

function macro(
  env: Environment,
  signature: string,
  type: string,
  evaluate: (ev: Evaluator, macro: Macro, context: Context) => unknown,
): void {
  env.registerFunction(`${signature}: ${type}`, ({ args }: Macro) => ({
    args,
    async: false,
    typeCheck(checker: Checker, { args }: Macro, context: Context) {
      for (const node of args) checker.check(node, context);
      return checker.getType(type);
    },
    evaluate,
  }));
}
