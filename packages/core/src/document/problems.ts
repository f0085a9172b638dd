import type { z } from "zod";
import { nearest } from "../text/did-you-mean.ts";
import { lineToWrite } from "./line-to-write.ts";
import type { ConfigPath, ParsedText, Position } from "./parse.ts";

/** A document for messages: its file, and where its values are. */
export interface Located extends Pick<ParsedText, "locate"> {
  /** As messages name it. */
  readonly file: string;
}

/** What the messages about one sort of document say. */
export interface ProblemWords {
  /** The whole document: `the config`. */
  readonly whole: string;
  /** What to write for a missing key, by key. */
  readonly examples: Readonly<Record<string, string>>;
  /** Keys of earlier versions, and what they are called now. */
  readonly renamed: Readonly<Record<string, string>>;
  /** The keys that a place of the document may have. */
  readonly knownKeys: (path: ConfigPath) => readonly string[];
}

/** One thing that is wrong in a document. */
export interface DocumentProblem {
  /** Place and sentence: `kinsync.config.yaml:4:7: workloads[0].sync[1].to is missing`. */
  readonly message: string;
  /** `workloads[0].sync[1].to`; empty for the top. */
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;
}

/** A path as people write it: `workloads[0].sync[1].to`. */
export function formatConfigPath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** File and place in front of a sentence about a value. */
export function placeOf(loaded: Pick<Located, "file">, at: Position | undefined): string {
  return at === undefined ? loaded.file : `${loaded.file}:${at.line}:${at.column}`;
}

/** Turns the issues that zod reports into sentences. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  loaded: Located,
  words: ProblemWords,
): readonly DocumentProblem[] {
  const meant = new Set<string>();
  const problems: DocumentProblem[] = [];
  const rest: z.core.$ZodIssue[] = [];
  for (const issue of issues) {
    if (issue.code !== "unrecognized_keys") {
      rest.push(issue);
      continue;
    }
    const path = plainPath(issue.path);
    for (const key of issue.keys) {
      const known = words.knownKeys(path);
      const near = renamed(key, known, words) ?? nearest(key, known);
      if (near !== undefined) meant.add(formatConfigPath([...path, near]));
      problems.push(
        describeProblem(loaded, [...path, key], "key", `the key ${JSON.stringify(key)} is not known`, {
          at: path,
          hint: hintOfKey(key, near, known, words),
        }),
      );
    }
  }
  for (const issue of rest) {
    const path = plainPath(issue.path);
    const missing = issue.input === undefined && MISSING.has(issue.code);
    // The misspelled key is reported already; that the right one is missing follows from it.
    if (missing && meant.has(formatConfigPath(path))) continue;
    problems.push(
      missing
        ? describeMissing(loaded, path, words)
        : describeProblem(loaded, path, "value", sentence(issue), { whole: words.whole, ...hintOf(issue, path) }),
    );
  }
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** What zod reports of a value that is not there. */
const MISSING: ReadonlySet<string> = new Set(["invalid_type", "invalid_union", "invalid_value"]);

function renamed(key: string, known: readonly string[], words: ProblemWords): string | undefined {
  const now = Object.hasOwn(words.renamed, key) ? words.renamed[key] : undefined;
  return now !== undefined && known.includes(now) ? now : undefined;
}

function hintOfKey(key: string, near: string | undefined, known: readonly string[], words: ProblemWords): string {
  if (near === undefined) return `Known here: ${known.join(", ")}.`;
  if (renamed(key, known, words) !== undefined) return `${JSON.stringify(key)} is now called ${JSON.stringify(near)}.`;
  return `Did you mean ${JSON.stringify(near)}?`;
}

function describeMissing(loaded: Located, path: ConfigPath, { examples, whole }: ProblemWords): DocumentProblem {
  const hint = examples[String(path.at(-1))];
  return describeProblem(loaded, path, "value", "is missing", { whole, ...(hint === undefined ? {} : { hint }) });
}

/** A problem with a sentence about the value (or the key) at a path. @param what in words that follow the path */
export function describeProblem(
  loaded: Located,
  path: ConfigPath,
  part: "key" | "value",
  what: string,
  options: { readonly at?: ConfigPath; readonly hint?: string; readonly whole?: string } = {},
): DocumentProblem {
  const position = loaded.locate(path, part);
  const subject = formatConfigPath(options.at ?? path);
  const where = placeOf(loaded, position);
  const message =
    options.at === undefined
      ? `${subject === "" ? (options.whole ?? loaded.file) : subject} ${what}`
      : `${subject === "" ? "" : `${subject}: `}${what}`;
  return {
    message: `${where}: ${message}`,
    path: formatConfigPath(path),
    ...(position === undefined ? {} : { line: position.line, column: position.column }),
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  };
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

function sentence(issue: z.core.$ZodIssue): string {
  const input = issue.input;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}, not ${describeValue(input)}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}, not ${describeValue(input)}`;
    case "too_small":
      if (issue.origin === "array") return "must have at least one entry";
      if (issue.origin === "string") return "must not be empty";
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${String(issue.minimum)}`;
    case "too_big":
      return `must be ${issue.inclusive === false ? "less than" : "at most"} ${String(issue.maximum)}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? "is not a valid key";
    case "invalid_union":
      return `must be a string or a list of strings, not ${describeValue(input)}`;
    case "custom":
      return issue.message;
    default:
      return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  }
}

function hintOf(issue: z.core.$ZodIssue, path: ConfigPath): { readonly hint?: string } {
  if (issue.code === "custom" && typeof issue.params?.["hint"] === "string") return { hint: issue.params["hint"] };
  const expected = expectedType(issue);
  if (expected !== undefined) {
    const line = lineToWrite(expected, issue.input, path);
    return line === undefined ? {} : { hint: `Write it as ${line}` };
  }
  if (issue.code !== "invalid_value" || typeof issue.input !== "string") return {};
  const near = nearest(issue.input, issue.values.map(String));
  return near === undefined ? {} : { hint: `Did you mean ${JSON.stringify(near)}?` };
}

/** The type that a value should have, as zod names it; `undefined` where its type is not the problem. */
function expectedType(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected;
    case "invalid_union":
      return "string";
    case "too_small":
      return issue.origin === "array" ? "array" : undefined;
    default:
      return undefined;
  }
}

/** A value in a few words. Texts are not repeated beyond a length: a config may hold secrets. */
function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string")
    return value === "" ? "an empty string" : JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "number" || typeof value === "boolean")
    return `${typeof value === "number" ? "the number " : ""}${String(value)}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function plainPath(path: readonly PropertyKey[]): ConfigPath {
  return path.map((step) => (typeof step === "number" ? step : String(step)));
}
