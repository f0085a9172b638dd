import { describeProblem, type DocumentProblem, type Located } from "../document/problems.ts";
import type { VariableProblem } from "./variables.ts";

/** Texts with variables that cannot be replaced. */
export function variableProblems(problems: readonly VariableProblem[], loaded: Located): readonly DocumentProblem[] {
  return problems.map(({ path, what, hint }) => describeProblem(loaded, path, "value", what, { hint }));
}
