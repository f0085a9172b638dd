import type { CheckOptions } from "./checked-config.ts";
import type { LoadedConfig } from "./load.ts";
import { expandVariables, type Expanded, type VariableProblem } from "./variables.ts";

/**
 * Replaces the variables of a config in YAML or JSON. A profile that is not chosen needs none: with a variable that is not set, it counts as
 * empty and so is not checked.
 */
export function expandConfig({ value, isData }: LoadedConfig, { env = {}, profiles = [] }: CheckOptions): Expanded {
  if (!isData) return { value, problems: [] };
  if (!isObject(value) || !isObject(value["profiles"])) return expandVariables(value, env);
  const { profiles: all, ...rest } = value;
  const base = expandVariables(rest, env);
  const problems: VariableProblem[] = [...base.problems];
  const expanded: Record<string, unknown> = {};
  for (const [name, profile] of Object.entries(all as Record<string, unknown>)) {
    const each = expandVariables(profile, env, ["profiles", name]);
    const isChosen = profiles.includes(name);
    if (isChosen) problems.push(...each.problems);
    expanded[name] = isChosen || each.problems.length === 0 ? each.value : {};
  }
  return { value: { ...(base.value as object), profiles: expanded }, problems };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
