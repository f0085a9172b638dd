import { expect, test } from "vitest";
import { createEnvironment } from "../../../src/rules/cel/environment.ts";
import { compileExpression } from "../../../src/rules/cel/expression.ts";
import { ExpressionError } from "../../../src/rules/cel/rewrite.ts";
import { MAX_STEPS, startCounting, toPlain } from "../../../src/rules/cel/values.ts";

const NAMES = ["root", "labels", "owned"];
const env = createEnvironment(NAMES);
const VALUES = {
  root: {
    spec: { suspend: true, replicas: 3, share: 2.5, selector: { matchLabels: { app: "web" } } },
    status: { restarts: 2, jobRestarts: [0, 4, 1], conditions: [{ type: "Ready", status: "True" }], name: "" },
  },
  labels: { index: "7", "example.com/part": "api", text: "12a", zero: "0" },
  owned: [{ kind: "Job", spec: { n: 1 } }, { kind: "Pod" }],
};

function evaluate(text: string): unknown {
  startCounting();
  return toPlain(compileExpression(env, text, NAMES).evaluate(VALUES));
}

test.each<[string, unknown]>([
  ["root.spec.replicas", 3],
  ["root.spec.share > 2", true],
  ["root.spec['replicas'] == 3", true],
  ["labels['example.com/part'] + '-' + labels.index", "api-7"],
  ["int(labels.index) >= root.status.restarts", true],
  ["root.status.jobRestarts[1]", 4],
  ["root.status.jobRestarts.max()", 4],
  ["root.status.jobRestarts.map(n, n * 2).sum()", 10],
  ["owned.filter(o, o.kind == 'Job')[0].spec.n", 1],
  ["owned.exists(o, o.spec.n == 1)", true],
  ["owned.all(o, o.kind in ['Job', 'Pod'])", true],
  ["size(owned)", 2],
  ["labels.exists(k, k.startsWith('example.com/'))", true],
  ["'index' in labels", true],
  ["3 in [root.spec.replicas]", true],
  ["'web-12'.find('[0-9]+$')", "12"],
  ["labelSelector(root.spec.selector)", "app=web"],
  ["root.?spec.?replicas.orValue(1)", 3],
  ["timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-01T00:00:01Z')", true],
  ["root.spec.suspend ? 'off' : 'on'", "off"],
])("%s gives %s", (text, result) => {
  expect(evaluate(text)).toEqual(result);
});

test.each<[string, unknown]>([
  ["root.nope.deep.field", null],
  ["root.nope.list[3].x", null],
  ["root.status.jobRestarts[9]", null],
  ["root.nope == null", true],
  ["root.nope == 'x'", false],
  ["root.nope != 'x'", true],
  ["root.nope > 3", false],
  ["3 >= root.nope", false],
  ["root.nope < 'a'", false],
  ["!root.nope", true],
  ["root.nope && root.spec.suspend", false],
  ["root.spec.suspend || root.nope", true],
  ["root.nope ? 1 : 2", 2],
  ["root.nope.exists(o, o.x)", false],
  ["root.nope.all(o, o.x)", true],
  ["size(root.nope.filter(o, true))", 0],
  ["size(root.nope)", 0],
  ["'x' in root.nope", false],
  ["root.nope + '/' + labels.index", null],
  ["root.nope + 1", null],
  ["root.nope.startsWith('a')", false],
  ["root.nope.split('-')[0]", null],
  ["root.nope.max()", null],
  ["root.nope.sum()", 0],
  ["has(root.nope.x)", false],
  ["has(root.spec.suspend)", true],
  ["orElse(root.nope, 5)", 5],
  ["int(root.nope)", null],
  ["int(labels.text)", null],
  ["string(root.nope)", null],
  ["timestamp(root.nope) < timestamp('2026-01-01T00:00:00Z')", false],
  ["timestamp(labels.text) == null", true],
  ["labelSelector(root.nope)", null],
])("a missing value does not make an expression fail: %s gives %s", (text, result) => {
  expect(evaluate(text)).toEqual(result);
});

test.each<[string, string, number, string | undefined]>([
  ["root.spec.", "expected IDENTIFIER, got EOF", 10, undefined],
  ["rot.spec == 1", "rot is not a variable here", 0, "Did you mean root?"],
  ["root.a == 1 && label.x", "label is not a variable here", 15, "Did you mean labels?"],
  ["foo(root)", "foo is not a function here", 0, undefined],
  ["labels.index.startWith('7')", "startWith is not a method here", 13, "Did you mean startsWith?"],
  ["int(1, 2)", "int() takes 1 argument, not 2", 0, undefined],
  ["owned.exists(o)", "exists() takes 2 arguments, not 1", 0, undefined],
  ["1 < 'a'", "no such overload: int < string", 0, undefined],
  ["", "the expression is empty", 0, undefined],
])("%s is refused: %s", (text, message, offset, hint) => {
  const error = errorOf(() => compileExpression(env, text, NAMES));
  expect(error).toBeInstanceOf(ExpressionError);
  expect(error).toMatchObject({ message, offset, ...(hint === undefined ? {} : { hint }) });
});

test("values that do not fit an operation are an error, not a wrong answer", () => {
  expect(() => evaluate("labels.index > 3")).toThrow("no such overload");
  expect(() => evaluate("labels.index && true")).toThrow('true or false was expected, not "7"');
});

test("an expression cannot reach what is not in its variables", () => {
  expect(evaluate("root.constructor")).toBeNull();
  expect(evaluate("root['__proto__']")).toBeNull();
  expect(evaluate("labels.constructor.prototype")).toBeNull();
  for (const name of ["process", "globalThis", "Date", "constructor", "eval"]) {
    expect(() => compileExpression(env, `${name}.x`, NAMES)).toThrow(`${name} is not a variable here`);
  }
});

test("an expression stops at a number of steps that does not depend on the machine", () => {
  const root = { list: Array.from({ length: 2_000 }, (_, n) => ({ n })) };
  const { evaluate } = compileExpression(env, "root.list.all(a, root.list.all(b, a.n >= 0 || b.n >= 0))", NAMES);
  startCounting();
  expect(() => evaluate({ ...VALUES, root })).toThrow(`it takes more than ${MAX_STEPS} steps`);
});

test("what an expression reads is known without evaluating it", () => {
  const { names, reads } = compileExpression(
    env,
    "labels['a/b'] == root.status.name && owned.exists(o, o.kind == root.spec.kind)",
    NAMES,
  );
  expect([...names].toSorted()).toEqual(["labels", "owned", "root"]);
  expect(reads).toEqual(["labels['a/b']", "root.status.name", "root.spec.kind", "owned"]);
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
