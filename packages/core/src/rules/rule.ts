import type { Reason, Verdict } from "../contract/kind.ts";
import type { PodRule, RuleReason, RulePlace } from "../contract/rules.ts";
import type { MemberState } from "../contract/state.ts";
import type { ConfigPath } from "../document/parse.ts";
import { toPlain } from "./cel/values.ts";
import type { BoundExpression, BoundTemplate, Compiler } from "./compiler.ts";
import type { LetValues } from "./let-values.ts";
import type { Scope } from "./variables.ts";

/** A compiled condition with its reason. */
export interface BoundReason {
  readonly condition: BoundExpression | undefined;
  readonly code: string;
  readonly message: BoundTemplate | undefined;
  readonly evidence: readonly (readonly [string, BoundExpression])[];
  /** Where it stands in the file. */
  readonly place: string;
}

export interface BoundRule extends BoundReason {
  readonly state: MemberState;
}

export interface BoundPlace {
  readonly role: BoundExpression | undefined;
  readonly index: BoundExpression | undefined;
  readonly labels: readonly (readonly [string, BoundExpression])[];
}

/** Answers of conditions that read nothing of a single pod, for one judgement. */
export type Remembered = Map<BoundReason, boolean>;

export function bindReason(compiler: Compiler, path: ConfigPath, reason: RuleReason, scope: Scope): BoundReason {
  return {
    condition: compiler.expression([...path, "if"], reason.if, scope),
    code: reason.code,
    message: compiler.template([...path, "message"], reason.message, scope),
    evidence: compiler.record([...path, "evidence"], reason.evidence, scope),
    place: compiler.placeOf(path),
  };
}

/** @param isComplete the last rule must fit always */
export function bindRules(
  compiler: Compiler,
  path: ConfigPath,
  rules: readonly PodRule[] | undefined,
  scope: Scope,
  isComplete: boolean,
): readonly BoundRule[] | undefined {
  if (rules === undefined) return undefined;
  for (const [index, rule] of rules.entries()) {
    const isLast = index === rules.length - 1;
    if (isLast && isComplete && rule.if !== undefined) {
      const hint = "Add a rule without `if` at the end: what holds where no other rule fits.";
      compiler.complain([...path, index, "if"], "key", "leaves pods for which no rule fits", hint);
    }
    if (!isLast && rule.if === undefined) {
      compiler.complain([...path, index], "value", "always fits, so the rules below it never do");
    }
  }
  return rules.map((rule, index) => ({
    ...bindReason(compiler, [...path, index], rule, scope),
    state: rule.state,
  }));
}

export function bindPlace(compiler: Compiler, path: ConfigPath, place: RulePlace, scope: Scope): BoundPlace {
  return {
    role: compiler.expression([...path, "role"], place.role, scope),
    index: compiler.expression([...path, "index"], place.index, scope),
    labels: compiler.record([...path, "labels"], place.labels, scope),
  };
}

/** The first rule that fits. */
export function firstThatFits(
  rules: readonly BoundRule[],
  values: LetValues,
  remembered: Remembered,
): Pick<Verdict, "state" | "reason"> | undefined {
  for (const rule of rules) {
    if (fits(rule, values, remembered)) return { state: rule.state, reason: reasonOf(rule, values) };
  }
  return undefined;
}

export function fits(reason: BoundReason, values: LetValues, remembered: Remembered): boolean {
  const { condition } = reason;
  if (condition === undefined) return true;
  if (!condition.isOfView) return condition.truth(values);
  let answer = remembered.get(reason);
  if (answer === undefined) {
    answer = condition.truth(values);
    remembered.set(reason, answer);
  }
  return answer;
}

/** Code and message, the place of the rule in its file, and the values that its condition reads. */
export function reasonOf({ condition, code, message, evidence, place }: BoundReason, values: LetValues): Reason {
  const found: Record<string, string | number | boolean | null> = { rule: place };
  for (const [name, expression] of condition?.reads ?? []) addPlain(found, name, expression.value(values));
  for (const [name, expression] of evidence) addPlain(found, name, expression.value(values));
  return { code, message: message?.(values) ?? code.replaceAll("-", " "), evidence: found };
}

/** Role, index and labels, without those that have no value. */
export function placeOf(
  { role, index, labels }: BoundPlace,
  values: LetValues,
): Pick<Verdict, "role" | "index" | "labels"> {
  const [roleText, indexText] = [role?.text(values), index?.text(values)];
  const texts: Record<string, string> = {};
  for (const [name, expression] of labels) {
    const text = expression.text(values);
    if (text !== undefined) texts[name] = text;
  }
  return {
    ...(roleText === undefined ? {} : { role: roleText }),
    ...(indexText === undefined ? {} : { index: indexText }),
    ...(Object.keys(texts).length === 0 ? {} : { labels: texts }),
  };
}

function addPlain(found: Record<string, string | number | boolean | null>, name: string, value: unknown): void {
  const plain = toPlain(value);
  if (plain === null || typeof plain === "string" || typeof plain === "number" || typeof plain === "boolean") {
    found[name] = plain;
  }
}
