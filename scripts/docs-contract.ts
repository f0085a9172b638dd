// Generates docs/reference/contract.md from the docstrings of what @kinsync/core/contract exports.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseSync } from "vite";

const ROOT = resolve(import.meta.dirname, "..");
const INDEX = join(ROOT, "packages/core/src/contract/index.ts");

/** What the sections are about, with the files of the contract that they come from, in this order. */
const SECTIONS: readonly (readonly [title: string, files: readonly string[]])[] = [
  ["Kinds", ["contract/kind.ts", "contract/state.ts", "contract/label-selector.ts"]],
  ["Rules", ["contract/rules.ts"]],
  ["Transports", ["contract/transport.ts", "contract/capabilities.ts", "contract/place.ts", "contract/target.ts"]],
  [
    "Sessions",
    ["session", "batch", "inventory", "action", "pull", "read-archive", "tar-cursor", "folded"].map(
      (name) => `contract/${name}.ts`,
    ),
  ],
  ["Objects of Kubernetes", ["contract/resource.ts"]],
  ["Requests to the API server", ["contract/cluster.ts", "contract/status.ts", "contract/client-node.ts"]],
  ["Errors and texts", ["errors/error.ts", "errors/codes.ts", "text/clean.ts"]],
  ["Config", ["contract/config.ts"]],
  ["Version", ["contract/version.ts"]],
];

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

interface Comment {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** A declaration of the contract. */
export interface Declared {
  readonly name: string;
  readonly file: string;
  readonly doc: string;
  /** As it is written, without its body. */
  readonly text: string;
  /** Of an interface; `undefined` for others. */
  readonly fields: readonly DeclaredField[] | undefined;
}

export interface DeclaredField {
  readonly name: string;
  readonly text: string;
  readonly doc: string;
}

/** Everything that the contract exports, in the order of its index. */
export function declarations(): readonly Declared[] {
  const { program } = parse(INDEX);
  return program.flatMap((statement) => {
    const from = (statement["source"] as { readonly value?: string } | undefined)?.value;
    if (from === undefined) return [];
    const file = join(dirname(INDEX), from);
    const names = (statement["specifiers"] as readonly { readonly local: { readonly name: string } }[]).map(
      ({ local }) => local.name,
    );
    return names.map((name) => declarationOf(name, file));
  });
}

interface Parsed {
  readonly text: string;
  readonly program: readonly Node[];
  readonly comments: readonly Comment[];
}

const parsed = new Map<string, Parsed>();

function parse(file: string): Parsed {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, "utf8");
  const { program, comments } = parseSync(file, text);
  const found = { text, program: program.body as unknown as readonly Node[], comments };
  parsed.set(file, found);
  return found;
}

function declarationOf(name: string, file: string): Declared {
  const { text, program } = parse(file);
  for (const statement of program) {
    const from = (statement["source"] as { readonly value?: string } | null | undefined)?.value;
    const specifiers = (statement["specifiers"] ?? []) as readonly { readonly exported?: { readonly name: string } }[];
    // Exported again from another file.
    if (statement.type === "ExportNamedDeclaration" && specifiers.some(({ exported }) => exported?.name === name)) {
      if (from !== undefined) return declarationOf(name, join(dirname(file), from));
    }
    const declaration = statement["declaration"] as Node | null | undefined;
    if (declaration === null || declaration === undefined || nameOf(declaration) !== name) continue;
    const body = declaration["body"] as Node | null | undefined;
    const isInterface = declaration.type === "TSInterfaceDeclaration";
    const members =
      isInterface || declaration.type === "ClassDeclaration" ? (body?.["body"] as readonly Node[]) : undefined;
    return {
      name,
      file,
      doc: docBefore(file, statement.start),
      text: text.slice(declaration.start, headEnd(declaration, body)).trim(),
      fields: members?.filter(isPublic).map((member) => fieldOf(file, member)),
    };
  }
  throw new Error(`${name} is not declared in ${file}`);
}

function nameOf(declaration: Node): string | undefined {
  const declarators = declaration["declarations"] as readonly { readonly id: { readonly name: string } }[] | undefined;
  return declarators?.[0]?.id.name ?? (declaration["id"] as { readonly name: string } | undefined)?.name;
}

/** Without the body of a function, interface or class, and without the value of a constant that has a type. */
function headEnd(declaration: Node, body: Node | null | undefined): number {
  if (declaration.type === "TSTypeAliasDeclaration") return declaration.end;
  return body?.start ?? declaration.end;
}

function isPublic(member: Node): boolean {
  const key = member["key"] as Node | undefined;
  return (
    key?.type !== "PrivateIdentifier" &&
    member["computed"] !== true &&
    member["accessibility"] !== "private" &&
    member["override"] !== true
  );
}

function fieldOf(file: string, member: Node): DeclaredField {
  const { text } = parse(file);
  const value = member["value"] as Node | null | undefined;
  const end = (value?.["body"] as Node | undefined)?.start ?? member.end;
  const written = squeeze(withoutComments(file, member.start, end))
    .replace(/^readonly /, "")
    .replace(/;$/, "");
  const key = member["key"] as Node | undefined;
  return {
    name: key === undefined ? written : text.slice(key.start, key.end),
    text: written,
    doc: docBefore(file, member.start),
  };
}

function withoutComments(file: string, start: number, end: number): string {
  const { text, comments } = parse(file);
  const inside = comments.filter((comment) => comment.start >= start && comment.end <= end).toReversed();
  return inside.reduce(
    (left, comment) => left.slice(0, comment.start - start) + left.slice(comment.end - start),
    text.slice(start, end),
  );
}

function squeeze(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(", )", ")").trim();
}

/** The docstring that ends right before a place, as one text; paragraphs and tags on lines of their own. */
function docBefore(file: string, start: number): string {
  const { text, comments } = parse(file);
  const found = comments.find(
    ({ end, value }) => value.startsWith("*") && end <= start && text.slice(end, start).trim() === "",
  );
  if (found === undefined) return "";
  const lines = found.value
    .slice(1)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  return lines
    .join("\n")
    .trim()
    .replaceAll(/\n(?![\n@-]) */g, " ")
    .replaceAll(/^@(\w+) ?/gm, (_, tag: string) => `_${TAGS[tag] ?? tag}:_ `)
    .replaceAll(/\{@link (\w+)\}/g, "`$1`");
}

const TAGS: Readonly<Record<string, string>> = {
  param: "parameter",
  returns: "returns",
  throws: "throws",
  example: "example",
  deprecated: "deprecated",
};

/** The text of the page. */
export function contractPage(): string {
  const all = declarations();
  const sections = SECTIONS.map(([title, files]) => {
    const own = all.filter(({ file }) => files.includes(file.slice(join(ROOT, "packages/core/src").length + 1)));
    return [`## ${title}\n`, ...own.map(entryOf)].join("\n");
  });
  const listed = new Set(SECTIONS.flatMap(([, files]) => files));
  const missing = all.filter(({ file }) => !listed.has(file.slice(join(ROOT, "packages/core/src").length + 1)));
  if (missing.length > 0)
    throw new Error(`no section for ${missing.map(({ name, file }) => `${name} of ${file}`).join(", ")}`);
  return [
    "# Contract\n",
    "What a plugin implements and uses: everything that `@kinsync/core/contract` exports. [Write a kind](../guides/write-a-kind.md) and",
    "[Write a transport](../guides/write-a-transport.md) lead to the first plugin, and [CONTRACT.md](../../CONTRACT.md) defines what may change.",
    "This page is made from the docstrings, which editors show, too. A field with `?` is optional.\n",
    ...sections,
  ].join("\n");
}

function entryOf({ name, doc, text, fields }: Declared): string {
  const lines = [`### ${name}\n`];
  if (doc !== "") lines.push(`${paragraphs(doc)}\n`);
  const head = squeeze(text).replace(/^(?:interface|class) \w+(?:<[^>]*>)? ?/, "");
  if (fields === undefined) lines.push("```typescript", text.endsWith(";") ? text : `${text};`, "```\n");
  else if (head !== "") lines.push(`\`${head}\`\n`);
  for (const field of fields ?? [])
    lines.push(`- ${code(field.text)}${field.doc === "" ? "" : `: ${inItem(field.doc)}`}`);
  if ((fields ?? []).length > 0) lines.push("");
  return lines.join("\n");
}

function paragraphs(doc: string): string {
  const lines = doc.split(/\n+/);
  // The items of a list stay together.
  return lines
    .map((line, index) => (line.startsWith("- ") && lines[index - 1]?.startsWith("- ") === true ? line : `\n${line}`))
    .join("\n")
    .trim();
}

function inItem(doc: string): string {
  return doc.replaceAll(/\n+/g, "\n\n  ");
}

function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

if (import.meta.main) writeFileSync(join(ROOT, "docs/reference/contract.md"), contractPage());
