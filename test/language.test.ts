import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ERRORS } from "@kinsync/core";

const ROOT = resolve(import.meta.dirname, "..");

/** A habit that makes text hard to read, and what to write instead. */
interface Habit {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Refused everywhere, also in comments and messages of sources. Free of false alarms. */
const HABITS: readonly Habit[] = [
  { pattern: /\bmend(?:s|ed|ing)?\b/gi, instead: "fix" },
  {
    pattern: /\b(?:is|are|was|were|be|has|have|does|goes|runs|holds|moves|needs) no more\b(?! than)/gi,
    instead: "no longer exists, no longer",
  },
  { pattern: /\b(?:not|n't|nothing|nobody|never|none|no)\b[^.;:!?]{0,60}? any ?more\b/gi, instead: "no longer" },
  { pattern: /\b(?:is|are|was|were|be|being|been) told\b(?! apart)/gi, instead: "receives, is reported, is notified" },
  { pattern: /\b(?:is|are|was|were|be) waited for\b/gi, instead: "kinsync waits for" },
  { pattern: /\bhas it after\b/gi, instead: "received after" },
  { pattern: /\bin step\b/gi, instead: "up to date, synced" },
  { pattern: /\btroubles?\b/gi, instead: "problem, error" },
  { pattern: /\b(?:come|comes|came) true\b/gi, instead: "pass, hold" },
  { pattern: /\bwhoever\b/gi, instead: "the name of who or what it is" },
  { pattern: /\bthe present (?!tense\b)\w+/gi, instead: "current" },
  {
    pattern: /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|such\b|more\b|less\b)\w+/gi,
    instead: "is not a, has no, there is no",
  },
];

/** Refused in pages, packages' pages and the error table besides. */
const HABITS_OF_PAGES: readonly Habit[] = [
  ...HABITS,
  { pattern: /\b(?:has|have|had) it\b(?! been)/gi, instead: "holds the file, received it" },
  { pattern: /\b(?:says|tells|asks|wants)\b/gi, instead: "reports, returns, requests, needs: machines are not people" },
  { pattern: /\bgoes on\b/gi, instead: "continues" },
];

interface Finding {
  readonly where: string;
  readonly text: string;
  readonly instead: string;
}

/** Joins the lines of paragraphs and comments, so that a phrase is found across a line break. Code blocks are kept. */
function unwrap(text: string): string {
  return text.replaceAll(/\n[ \t]*(?:\*(?!\/)|\/\/|#(?! ))?[ \t]*/g, " ");
}

function findingsIn(where: string, text: string, habits: readonly Habit[]): readonly Finding[] {
  const flat = unwrap(text);
  return habits.flatMap(({ pattern, instead }) =>
    [...flat.matchAll(pattern)].map(({ 0: found, index }) => ({
      where,
      text: flat.slice(Math.max(0, index - 30), index + found.length + 30),
      instead,
    })),
  );
}

function files(...patterns: readonly string[]): readonly string[] {
  return globSync(patterns, { cwd: ROOT })
    .map((path) => path.replaceAll("\\", "/"))
    .toSorted();
}

/** A page without the part that a program writes into it; that program's own sources are checked. */
function page(path: string): string {
  return read(path).replaceAll(/^<!-- (?!.*\bend -->).*-->$[\s\S]*?^<!-- (?:.* )?end -->$/gm, "");
}

const pages = files(
  "*.md",
  "docs/**/*.md",
  "packages/*/*.md",
  "packages/*/agents/**/*.md",
  "examples/**/*.md",
  ".changeset/*.md",
  "{e2e,bench}/README.md",
);

describe("pages", () => {
  test.each(pages)("%s is in plain English", (path) => {
    expect(findingsIn(path, page(path), HABITS_OF_PAGES)).toEqual([]);
  });
});

test.each(Object.entries(ERRORS))("%s is in plain English", (code, { summary, hint }) => {
  expect(findingsIn(code, `${summary} ${hint}`, HABITS_OF_PAGES)).toEqual([]);
});

describe("sources", () => {
  const byFolder = Map.groupBy(
    files(
      "packages/*/src/**/*.{ts,mjs}",
      "packages/*/agents/**/*.{sh,py,cjs,pl}",
      "scripts/*.{ts,mjs}",
      "{e2e,bench}/**/*.ts",
    ),
    folderOf,
  );

  test.each([...byFolder.keys()])("%s is in plain English", (folder) => {
    const found = (byFolder.get(folder) ?? []).flatMap((path) => findingsIn(path, read(path), HABITS));
    expect(found).toEqual([]);
  });
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The room of a source: `packages/core/src/kube`, or the folder of sources itself for files beside the rooms; else `e2e`. */
function folderOf(path: string): string {
  const [, folder = path.split("/")[0] ?? ""] = /^(packages\/[^/]+\/(?:src|agents)(?:\/[^/]+(?=\/))?)/.exec(path) ?? [];
  return folder;
}
