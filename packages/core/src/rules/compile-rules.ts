import type { KindPlugin } from "../contract/kind.ts";
import { describeIssues, type DocumentProblem } from "../document/problems.ts";
import { docsUrl } from "../errors/docs-url.ts";
import { KinsyncError } from "../errors/error.ts";
import { Compiler, type RulesDocument } from "./compiler.ts";
import { kindOf } from "./kind.ts";
import { checkShape, WORDS } from "./schema.ts";

/**
 * The kind that a file of rules describes. All of its expressions are compiled here; the kind itself is pure, does no I/O and reads no
 * clock.
 *
 * @throws `KINSYNC_PLUGIN_RULES`, where `details.problems` has every problem with its path and, where the format has positions, its
 * position in the file.
 */
export function compileRules(document: RulesDocument): KindPlugin {
  const shape = checkShape(document.value);
  if ("issues" in shape) throw invalid(document, describeIssues(shape.issues, document, WORDS));
  const compiler = new Compiler(document, shape.rules);
  const kind = kindOf(compiler, shape.rules);
  if (compiler.problems.length > 0) throw invalid(document, compiler.problems);
  return kind;
}

function invalid({ file }: RulesDocument, found: readonly DocumentProblem[]): KinsyncError {
  const problems = found.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return new KinsyncError("KINSYNC_PLUGIN_RULES", problems.map(({ message }) => message).join("\n"), {
    hint: problems.find(({ hint }) => hint !== undefined)?.hint ?? `See ${docsUrl("reference/rules.md")}.`,
    details: { file, problems: problems.map(({ hint: _hint, ...problem }) => problem) },
  });
}
