import { toCel } from "./cel/values.ts";
import type { Variables } from "./variables.ts";

/** A named expression of a file. */
export interface LetDefinition {
  readonly name: string;
  /** Reads nothing of a single pod. */
  readonly isOfView: boolean;
  readonly evaluate: (values: LetValues) => unknown;
}

/** The variables of one evaluation by name, and named expressions. */
export type LetValues = object;

/** Makes the variables of evaluations; a named expression is evaluated once, when it is read first. */
export interface LetScope {
  /** For what is evaluated without a pod. */
  readonly outer: (variables: Variables) => LetValues;
  /** For one pod: what reads nothing of the pod is evaluated in `outer`, once for all pods. */
  readonly inner: (variables: Variables, outer: LetValues) => LetValues;
}

const CACHE = Symbol("values of named expressions");
const OUTER = Symbol("values without a pod");

interface Cached {
  readonly [CACHE]: unknown[];
  readonly [OUTER]: Readonly<Record<string, unknown>>;
}

/**
 * The variables are own properties and the named expressions are getters of a prototype, so that nothing is defined for each pod.
 * @param viewNames variables that `inner` reads in `outer`
 */
export function createLetScope(lets: readonly LetDefinition[], viewNames: readonly string[]): LetScope {
  const whole = Object.create(null) as object;
  const single = Object.create(null) as object;
  for (const [index, definition] of lets.entries()) {
    const evaluated = evaluatedOnce(definition, index);
    Object.defineProperty(whole, definition.name, { get: evaluated });
    Object.defineProperty(single, definition.name, { get: definition.isOfView ? ofOuter(definition.name) : evaluated });
  }
  for (const name of viewNames) Object.defineProperty(single, name, { get: ofOuter(name) });
  return {
    outer: (variables) => valuesOf(whole, variables, undefined),
    inner: (variables, outer) => valuesOf(single, variables, outer),
  };
}

function valuesOf(prototype: object, variables: Variables, outer: LetValues | undefined): LetValues {
  const values = Object.create(prototype) as Record<string | symbol, unknown>;
  values[CACHE] = [];
  values[OUTER] = outer;
  for (const name in variables) values[name] = variables[name];
  return values;
}

function evaluatedOnce({ evaluate }: LetDefinition, index: number): (this: Cached) => unknown {
  return function read(this: Cached) {
    const cache = this[CACHE];
    const known = cache[index];
    return known === undefined ? (cache[index] = toCel(evaluate(this))) : known;
  };
}

function ofOuter(name: string): (this: Cached) => unknown {
  return function read(this: Cached) {
    return this[OUTER][name];
  };
}
