import type { KindPlugin } from "../../../src/contract/kind.ts";
import { parseConfigText } from "../../../src/document/parse.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";

/** The kind of rules in YAML, as if they were in `studio.kind.yaml`. */
export function compileText(text: string): KindPlugin {
  const file = "studio.kind.yaml";
  return compileRules({ file, ...parseConfigText(text, file, "yaml") });
}
