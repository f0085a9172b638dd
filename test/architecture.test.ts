import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const CORE = "packages/core/src";

const page = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");

interface LintOverride {
  readonly files: readonly string[];
  readonly rules: Readonly<Record<string, unknown>>;
}

/** What the linter lets the files of a glob import from other rooms: `errors/`, `mapping/tree`. */
interface RoomRule {
  readonly room: string;
  /** How many folders below `packages/core/src` the files are that the rule is written for. */
  readonly depth: number;
  readonly allowed: readonly string[];
}

/** The rules for rooms of core: a pattern like `^(?:\.\./){1}(?!contract/|errors/)` in `no-restricted-imports`. */
function roomRules(): readonly RoomRule[] {
  const { overrides } = JSON.parse(readFileSync(join(ROOT, ".oxlintrc.json"), "utf8")) as {
    readonly overrides: readonly LintOverride[];
  };
  return overrides.flatMap(({ files, rules }) =>
    files.flatMap((glob) => {
      const [, room, rest] = /^packages\/core\/src\/(\w+)\/(.+)$/.exec(glob) ?? [];
      const pattern = /\(\?:\\\\\.\\\\\.\/\)\{(\d)\}(?:\(\?!([^)]*)\))?/.exec(
        JSON.stringify(rules["no-restricted-imports"]),
      );
      if (room === undefined || rest === undefined || pattern === null) return [];
      return [{ room, depth: Number(pattern[1]), allowed: (pattern[2] ?? "").split("|").filter(Boolean) }];
    }),
  );
}

/** The cells of the table rows whose first cell is a room: `` `local/` ``. */
function roomRows(): ReadonlyMap<string, string> {
  const rows = page.matchAll(/^\| `(\w+)\/` *\|[^|]*\|([^|]*)\|[^|]*\|$/gm);
  return new Map([...rows].map(([, room = "", imports = ""]) => [room, imports.trim()]));
}

const rules = roomRules();
const rooms = readdirSync(join(ROOT, CORE), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test("the table of rooms lists the folders of core, and the linter has rules for each of them", () => {
  const ruled = new Set(rules.map(({ room }) => room));
  expect([...roomRows().keys()].toSorted()).toEqual([...ruled].toSorted());
  expect(rooms.filter((room) => !ruled.has(room))).toEqual([]);
});

test.each([...new Set(rules.map(({ room }) => room))])("%s/ may import what the table says", (room) => {
  const text = roomRows().get(room) ?? "";
  const stated =
    text === "every room but `testing/`"
      ? [...roomRows().keys()].filter((each) => each !== "testing" && each !== room).map((each) => `${each}/`)
      : text === "nothing"
        ? []
        : text.split(" ").map((each) => each.replaceAll("`", ""));
  for (const { allowed } of rules.filter((rule) => rule.room === room)) {
    expect([...allowed].toSorted()).toEqual([...stated].toSorted());
  }
});

test.each(rooms)("every file of %s/ is covered by a rule for its depth", (room) => {
  const depths = new Set(
    readdirSync(join(ROOT, CORE, room), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => path.split(/[/\\]/).length),
  );
  const covered = rules.filter((rule) => rule.room === room).map(({ depth }) => depth);
  expect([...depths].filter((depth) => !covered.includes(depth))).toEqual([]);
});

test("the files named in 'Where to change what' exist, one or two for each change", () => {
  const section = page.split("## Where to change what")[1] ?? "";
  const rows = [...section.matchAll(/^\| (?!change +\||-)([^|]+?) *\|([^|]+)\|$/gm)];
  expect(rows.length).toBeGreaterThanOrEqual(10);
  for (const [, change, files = ""] of rows) {
    const paths = [...files.matchAll(/`([\w./-]+\/[\w./-]*)`/g)].map(([, path = ""]) => path);
    expect([1, 2], change).toContain(paths.length);
    for (const path of paths) expect(existsSync(join(ROOT, path)), `${change}: ${path}`).toBe(true);
  }
});

test("the files named in 'Inside local/, engine/ and sync/' exist", () => {
  const section = page.split(/^### Inside .*$/m)[1]?.split(/^## /m)[0] ?? "";
  const paths = [...section.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([\w./-]+)`/g)].map(([, path = ""]) => path),
  );
  expect(paths.length).toBeGreaterThanOrEqual(10);
  for (const path of paths) expect(existsSync(join(ROOT, CORE, path)), path).toBe(true);
});

/** Lints each program as a file of this folder, with the repository's rules. Returns the rules that each of them breaks. */
function brokenRules(folder: string, programs: readonly string[]): readonly (readonly string[])[] {
  const root = mkdtempSync(join(tmpdir(), "kinsync-lint-"));
  try {
    const rules = JSON.parse(readFileSync(join(ROOT, ".oxlintrc.json"), "utf8")) as Record<string, unknown>;
    // Without types: the packages that the programs import are not there.
    writeFileSync(join(root, ".oxlintrc.json"), JSON.stringify({ ...rules, options: {} }));
    mkdirSync(join(root, folder), { recursive: true });
    for (const [number, program] of programs.entries()) {
      writeFileSync(join(root, folder, `probe-${number}.ts`), `${program}\n`);
    }
    const { stdout } = spawnSync(join(ROOT, "node_modules", ".bin", "oxlint"), ["-f", "json"], {
      cwd: root,
      encoding: "utf8",
    });
    const { diagnostics } = JSON.parse(stdout) as {
      readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
    };
    return programs.map((_, number) =>
      diagnostics
        .filter(({ filename }) => filename.endsWith(`/probe-${number}.ts`))
        .map(({ code }) => /\(([^)]+)\)/.exec(code)?.[1] ?? code),
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const CLIENT = "@kubernetes/client-node";

const TYPE_IMPORTS = [
  `import type { V1Job } from "${CLIENT}";\nexport type Job = V1Job;`,
  `export type { V1Job } from "${CLIENT}";`,
];
const RUNTIME_IMPORTS = [
  `import { Watch } from "${CLIENT}";\nexport const probe = Watch;`,
  `import * as client from "${CLIENT}";\nexport const probe = client;`,
  `import "${CLIENT}";`,
  `export { Watch } from "${CLIENT}";`,
  `export * from "${CLIENT}";`,
  `export const probe = await import("${CLIENT}");`,
  `import { Watch } from "${CLIENT}/dist/watch.js";\nexport const probe = Watch;`,
];
/** Without the outer `type`, the import stays in the program. */
const INLINE_TYPE = `import { type V1Job } from "${CLIENT}";\nexport type Job = V1Job;`;

test.each([
  ["a kind", "packages/kind-probe/src"],
  ["a transport", "packages/transport-probe/src"],
  ["the contract", "packages/core/src/contract"],
  ["an example", "examples/probe"],
])("%s may import types of the official client, and nothing that exists at run time", (_, folder) => {
  expect(brokenRules(folder, TYPE_IMPORTS)).toEqual(TYPE_IMPORTS.map(() => []));
  for (const [number, rules] of brokenRules(folder, RUNTIME_IMPORTS).entries()) {
    expect(rules, RUNTIME_IMPORTS[number]).toContain("no-restricted-imports");
  }
  expect(brokenRules(folder, [INLINE_TYPE])).toEqual([["no-import-type-side-effects"]]);
});
