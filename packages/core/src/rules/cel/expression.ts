import type { Environment } from "@marcbachmann/cel-js";
import { ExpressionError, rewrite } from "./rewrite.ts";

/** A compiled expression. */
export interface Compiled {
  /** As it is written. */
  readonly text: string;
  /** Variables that it reads. */
  readonly names: ReadonlySet<string>;
  /** Parts that read one value each. */
  readonly reads: readonly string[];
  /** Throws where an operation does not fit its values, such as a comparison of a text with a number. */
  readonly evaluate: (variables: object) => unknown;
}

/** What the library reports, in the fields that its errors have. */
interface LibraryError {
  readonly summary: string;
  readonly range?: { readonly start: number };
}

/**
 * Compiles an expression of CEL. Nothing is evaluated, and no code is generated.
 * @param variables that exist where it is used
 * @throws `ExpressionError`
 */
export function compileExpression(env: Environment, text: string, variables: readonly string[]): Compiled {
  if (text.trim() === "") throw new ExpressionError("the expression is empty", 0);
  const parsed = attempt(() => env.parse(text));
  const { text: safe, names, reads } = rewrite(parsed.ast, variables);
  const evaluate = attempt(() => env.parse(safe));
  const { valid, error } = evaluate.check();
  if (!valid) throw new ExpressionError(isLibraryError(error) ? sentence(error.summary) : "it is not valid", 0);
  return { text, names, reads, evaluate };
}

/** What a library's error says, without the picture of the expression. */
export function messageOf(error: unknown): string {
  if (isLibraryError(error)) return sentence(error.summary);
  return error instanceof Error ? error.message : String(error);
}

function attempt<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!isLibraryError(error)) throw error;
    throw new ExpressionError(sentence(error.summary), error.range?.start ?? 0);
  }
}

function isLibraryError(error: unknown): error is Error & LibraryError {
  return error instanceof Error && "summary" in error && typeof error.summary === "string";
}

function sentence(text: string): string {
  const trimmed = text.replace(/\.$/, "");
  return /^[A-Z][a-z]/.test(trimmed) ? trimmed.charAt(0).toLowerCase() + trimmed.slice(1) : trimmed;
}
