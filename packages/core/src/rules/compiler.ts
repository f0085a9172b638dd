import type { Environment } from "@marcbachmann/cel-js";
import type { KindRules } from "../contract/rules.ts";
import type { ConfigPath, ParsedText } from "../document/parse.ts";
import { describeProblem, formatConfigPath, placeOf, type DocumentProblem } from "../document/problems.ts";
import { createEnvironment } from "./cel/environment.ts";
import { compileExpression, messageOf } from "./cel/expression.ts";
import { ExpressionError } from "./cel/rewrite.ts";
import { textOf, toPlain, truthOf } from "./cel/values.ts";
import type { LetDefinition, LetValues } from "./let-values.ts";
import { splitTemplate } from "./template.ts";
import { BASE_NAMES, SCOPES, type Scope } from "./variables.ts";

/** A file of rules, parsed. */
export interface RulesDocument {
  /** As messages name it. */
  readonly file: string;
  readonly value: unknown;
  readonly locate: ParsedText["locate"];
  readonly locateInside: ParsedText["locateInside"];
}

/** A compiled expression, bound to its place in the file. Throws with that place. */
export interface BoundExpression {
  readonly value: (values: LetValues) => unknown;
  readonly truth: (values: LetValues) => boolean;
  /** A text; `undefined` where the value is missing or empty. */
  readonly text: (values: LetValues) => string | undefined;
  /** Reads nothing of a single pod: one answer holds for a judgement. */
  readonly isOfView: boolean;
  /** Single values that it reads, by how they are written. */
  readonly reads: readonly (readonly [name: string, expression: BoundExpression])[];
}

/** A compiled template; `undefined` where an expression in it has no value. */
export type BoundTemplate = (values: LetValues) => string | undefined;

/** Compiles the expressions of one file, and collects what is wrong with them. */
export class Compiler {
  readonly problems: DocumentProblem[] = [];
  readonly lets: readonly LetDefinition[];
  readonly #document: RulesDocument;
  readonly #env: Environment;
  /** By name of a `let`: the base names that it reads, itself or by others. */
  readonly #needs = new Map<string, ReadonlySet<string>>();
  /** All base names that some expression reads. */
  readonly used = new Set<string>();

  constructor(document: RulesDocument, rules: KindRules) {
    this.#document = document;
    const named = Object.entries(rules.let ?? {});
    this.#env = createEnvironment([...BASE_NAMES, ...named.map(([name]) => name).filter((name) => this.#isFree(name))]);
    const lets: LetDefinition[] = [];
    for (const [name, text] of named) {
      if (!this.#needs.has(name) && this.#isFree(name)) lets.push(...this.#compileLet(name, text));
    }
    this.lets = lets;
  }

  expression(path: ConfigPath, text: string | undefined, scope: Scope): BoundExpression | undefined {
    return text === undefined ? undefined : this.#bind(path, text, scope, 0);
  }

  template(path: ConfigPath, template: string | undefined, scope: Scope): BoundTemplate | undefined {
    if (template === undefined) return undefined;
    try {
      const parts = splitTemplate(template).map((part) =>
        "text" in part ? part.text : this.#bind(path, part.expression, scope, part.offset),
      );
      return (values) => {
        let text = "";
        for (const part of parts) {
          const value = typeof part === "string" ? part : part?.text(values);
          if (value === undefined) return undefined;
          text += value;
        }
        return text;
      };
    } catch (error) {
      this.#complain(path, messageOf(error));
      return undefined;
    }
  }

  /** Expressions by name, in the order of the file. */
  record(
    path: ConfigPath,
    record: Readonly<Record<string, string>> | undefined,
    scope: Scope,
  ): readonly (readonly [string, BoundExpression])[] {
    return Object.entries(record ?? {}).flatMap(([name, text]) => {
      const bound = this.expression([...path, name], text, scope);
      return bound === undefined ? [] : [[name, bound] as const];
    });
  }

  complain(path: ConfigPath, part: "key" | "value", what: string, hint?: string): void {
    this.problems.push(
      describeProblem(this.#document, path, part, what, { whole: "the file", ...(hint === undefined ? {} : { hint }) }),
    );
  }

  /** `rules[2] (studio.kind.yaml:14)` */
  placeOf(path: ConfigPath): string {
    const { file } = this.#document;
    const at = this.#document.locate(path, "value");
    return `${formatConfigPath(path)} (${at === undefined ? file : `${file}:${at.line}`})`;
  }

  #compileLet(name: string, text: string): readonly LetDefinition[] {
    // Only those above: no expression can lead back to itself.
    const compiled = this.#compile(["let", name], text, BASE_NAMES, 0);
    const needs = new Set([...(compiled?.names ?? [])].flatMap((each) => [...(this.#needs.get(each) ?? [each])]));
    this.#needs.set(name, needs);
    if (compiled === undefined) return [];
    const evaluate = this.#located(["let", name], compiled.evaluate, 0);
    return [{ name, isOfView: isWithin(needs, SCOPES.view), evaluate }];
  }

  #bind(path: ConfigPath, text: string, scope: Scope, offset: number): BoundExpression | undefined {
    const compiled = this.#compile(path, text, SCOPES[scope], offset);
    if (compiled === undefined) return undefined;
    const needs = [...compiled.names].flatMap((name) => [...(this.#needs.get(name) ?? [name])]);
    for (const name of needs) this.used.add(name);
    const value = this.#located(path, compiled.evaluate, offset);
    const isAlone = compiled.reads.length === 1 && compiled.reads[0] === text;
    const bound: BoundExpression = {
      value,
      truth: this.#located(path, (values) => truthOf(value(values)), offset),
      text: (values) => {
        const text = textOf(toPlain(value(values)));
        return text === null || text === "" ? undefined : text;
      },
      isOfView: isWithin(new Set(needs), SCOPES.view),
      get reads() {
        return reads;
      },
    };
    const reads: BoundExpression["reads"] = isAlone
      ? [[text, bound]]
      : compiled.reads.flatMap((read) => {
          const part = this.#bind(path, read, scope, offset);
          return part === undefined ? [] : [[read, part] as const];
        });
    return bound;
  }

  #compile(
    path: ConfigPath,
    text: string,
    names: readonly string[],
    offset: number,
  ): ReturnType<typeof compileExpression> | undefined {
    const lets = [...this.#needs].filter(([, needs]) => isWithin(needs, names)).map(([name]) => name);
    try {
      return compileExpression(this.#env, text, [...names, ...lets]);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      const { hint } = error;
      const at = this.#document.locateInside(path, offset + error.offset);
      const where = placeOf(this.#document, at);
      this.problems.push({
        message: `${where}: ${formatConfigPath(path)}: ${error.message} in \`${text}\``,
        path: formatConfigPath(path),
        ...(at === undefined ? {} : { line: at.line, column: at.column }),
        ...(hint === undefined ? {} : { hint }),
      });
      return undefined;
    }
  }

  /** With the place of the expression in the message of what it throws. */
  #located<Result>(path: ConfigPath, run: (values: object) => Result, offset: number): (values: object) => Result {
    return (values) => {
      try {
        return run(values);
      } catch (error) {
        if (error instanceof EvaluationError) throw error;
        const where = placeOf(this.#document, this.#document.locateInside(path, offset));
        throw new EvaluationError(`${where}: ${formatConfigPath(path)}: ${messageOf(error)}`, { cause: error });
      }
    };
  }

  #isFree(name: string): boolean {
    if (!BASE_NAMES.includes(name) && !RESERVED.has(name)) return true;
    if (!this.#needs.has(name)) {
      this.#needs.set(name, new Set());
      this.complain(["let", name], "key", "has a name that is taken", "Choose another name.");
    }
    return false;
  }

  #complain(path: ConfigPath, what: string): void {
    this.complain(path, "value", what);
  }
}

/** An expression that does not fit the values that it met. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}

/** Words of CEL and names of its types. */
const RESERVED: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while prototype string bool int uint double map list bytes null_type type optional google cel dyn".split(
    " ",
  ),
);

function isWithin(needs: ReadonlySet<string>, names: readonly string[]): boolean {
  return [...needs].every((name) => names.includes(name));
}
