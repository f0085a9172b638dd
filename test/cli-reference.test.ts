import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createProgram } from "../packages/cli/src/program.ts";

type Command = ReturnType<typeof createProgram>;

const text = readFileSync(new URL("../docs/reference/cli.md", import.meta.url), "utf8");

/** Options that commander adds by itself. */
const BUILT_IN = new Set(["-h", "--help", "-V", "--version"]);

/** The options of each command, as the command line takes them: `sync --wait`. */
function ofProgram(): readonly string[] {
  const io = { stdout: { write: () => true }, stderr: { write: () => true }, env: {}, cwd: "/", conditions: [] };
  const program = createProgram({ ...io, signal: new AbortController().signal }, () => {});
  return leaves(program).flatMap(({ name, command }) =>
    command.options.flatMap(({ short, long }) => [short, long].flatMap((flag) => (flag ? [`${name} ${flag}`] : []))),
  );
}

function leaves(program: Command): readonly { readonly name: string; readonly command: Command }[] {
  const below = (command: Command, name: string): readonly { readonly name: string; readonly command: Command }[] => {
    // `kinds` is a command by itself, too; a group such as `config` has no options.
    const own = command.commands.length === 0 || command.options.length > 0 ? [{ name, command }] : [];
    return [...own, ...command.commands.flatMap((each) => below(each, `${name} ${each.name()}`))];
  };
  const isShown = (name: string): boolean => name !== "complete";
  return program.commands.flatMap((each) => (isShown(each.name()) ? below(each, each.name()) : []));
}

/** The cells of all rows of the tables of a section, with the first cells of their heads. */
function rowsOf(section: string): readonly { readonly head: readonly string[]; readonly cells: readonly string[] }[] {
  let head: readonly string[] | undefined;
  return section.split("\n").flatMap((line) => {
    if (!line.startsWith("|")) {
      head = undefined;
      return [];
    }
    const cells = line
      .replaceAll("\\|", "/")
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (head === undefined) {
      head = cells;
      return [];
    }
    return /^-+$/.test(cells[0] ?? "") ? [] : [{ head, cells }];
  });
}

const names = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
const groupsIn = (cell: string): readonly string[] => [...cell.matchAll(/\*\*(\w+)\*\*/g)].map(([, name = ""]) => name);

/** The same as the reference has it. */
function ofReference(all: readonly string[]): readonly string[] {
  const sections = text.split(/^## /m).map((section) => ({ title: section.split("\n", 1)[0] ?? "", section }));
  const rows = sections.flatMap(({ title, section }) => rowsOf(section).map((row) => ({ title, ...row })));
  const groups = new Map<string, readonly string[]>();
  const meant = (cell: string): readonly string[] => {
    if (cell === "all") return all;
    if (cell.startsWith("all but ")) return all.filter((name) => !names(cell).includes(name));
    return [...groupsIn(cell).flatMap((group) => groups.get(group) ?? [`no group ${group}`]), ...names(cell)];
  };
  for (const { head, cells } of rows) if (head[0] === "group") groups.set(cells[0] ?? "", meant(cells[1] ?? ""));
  return rows.flatMap(({ title, head, cells }) => {
    if (head[0] !== "option") return [];
    const commands = head[1] === "commands" ? meant(cells[1] ?? "") : [title];
    const flags = names(cells[0] ?? "").map((flag) => flag.split(" ", 1)[0] ?? "");
    return flags
      .filter((flag) => !BUILT_IN.has(flag))
      .flatMap((flag) => commands.map((command) => `${command} ${flag}`));
  });
}

test("the reference has each option of each command, and no other", () => {
  const real = ofProgram();
  const named = new Set(real.map((each) => each.replace(/ -\S+$/, "")));
  const documented = new Set(ofReference([...named, "wrapper", "completion"]));
  expect([...documented].filter((each) => !real.includes(each)).toSorted()).toEqual([]);
  expect(real.filter((each) => !documented.has(each)).toSorted()).toEqual([]);
});
