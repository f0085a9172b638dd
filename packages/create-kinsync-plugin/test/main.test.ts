import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "../src/main.ts";
import { fakeProcess } from "./support/streams.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "create-kinsync-plugin-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const STUDIO = ["--kind", "Studio", "--group", "example.com"];

test("flags name everything: the plugin is written into a folder of its name, and the next steps are printed", async () => {
  const streams = fakeProcess(folder);
  expect(await main(["rules", ...STUDIO], streams)).toBe(0);
  expect(readdirSync(join(folder, "kinsync-kind-studio")).toSorted()).toEqual([
    ".gitignore",
    "README.md",
    "fixtures",
    "package.json",
    "studio.kind.yaml",
  ]);
  expect(streams.output()).toContain("wrote kinsync-kind-studio to kinsync-kind-studio:\n");
  expect(streams.output()).toContain("  cd kinsync-kind-studio\n  npm install\n  npm test\n");
});

test("the current folder may be the plugin's, where it has nothing but .git", async () => {
  const streams = fakeProcess(folder);
  writeFileSync(join(folder, ".git"), "gitdir: elsewhere\n");
  expect(await main(["transport", ".", "--name", "share"], streams)).toBe(0);
  expect(existsSync(join(folder, "src/share-session.ts"))).toBe(true);
  expect(streams.output()).not.toContain("  cd ");
});

test("a folder with content is refused, and nothing in it changes", async () => {
  writeFileSync(join(folder, "README.md"), "mine\n");
  const streams = fakeProcess(folder);
  expect(await main(["kind", ".", ...STUDIO], streams)).toBe(2);
  expect(readdirSync(folder)).toEqual(["README.md"]);
  expect(streams.errors()).toContain("is not empty: it has README.md\n  hint: Name a new or empty folder.");
});

test.each([
  [["kinds"], "kinds is not a type of plugin"],
  [["rules", "--kind", "studio", "--group", "example.com"], "--kind studio is not a kind as a CRD names it"],
  [["rules", "--kind", "Studio", "--group", "example"], "--group example is not an API group"],
  [["rules", ...STUDIO, "--name", "x"], "--name is not for the type rules"],
  [["rules", "--kind", "Studio"], "--group is missing"],
  [["transport"], "--name is missing"],
  [["transport", "--name", "../x"], "--name ../x is not a name in lower case"],
  [[], "the type of the plugin is missing"],
  [["rules", ...STUDIO, "--nmae", "x"], "Unknown option '--nmae'"],
  [["rules", "a", "b", ...STUDIO], "unexpected argument: b"],
])("without a terminal, %j is an error with a next step, and writes nothing", async (argv, message) => {
  const streams = fakeProcess(folder);
  expect(await main(argv, streams)).toBe(2);
  expect(streams.errors()).toContain(`error: ${message}`);
  expect(streams.errors()).toMatch(/\n {2}hint: ./);
  expect(readdirSync(folder)).toEqual([]);
});

test("in a CI system nothing is asked, also on a terminal", async () => {
  const streams = fakeProcess(folder, { isTerminal: true, env: { CI: "true" } });
  expect(await main(["rules"], streams)).toBe(2);
  expect(streams.errors()).toContain("--kind is missing");
});

test("on a terminal it asks for what the flags lack, and nothing else", async () => {
  const streams = fakeProcess(folder, { isTerminal: true });
  const ended = main(["kind", "--group", "example.com", "--api-version", "v1"], streams);
  await vi.waitFor(() => expect(streams.output()).toContain("The kind of the workloads?"));
  streams.stdin.write("Policy\r");
  await vi.waitFor(() => expect(streams.output()).toContain("Its plural?"));
  streams.stdin.write("\r");
  expect(await ended).toBe(0);
  expect(streams.output()).not.toContain("API group?");
  expect(existsSync(join(folder, "kinsync-kind-policy/src/policy.ts"))).toBe(true);
});

test("leaving a question ends with code 130 and writes nothing", async () => {
  const streams = fakeProcess(folder, { isTerminal: true });
  const ended = main([], streams);
  await vi.waitFor(() => expect(streams.output()).toContain("What do you write?"));
  streams.stdin.write("\u0003");
  expect(await ended).toBe(130);
  expect(readdirSync(folder)).toEqual([]);
});

test("--help and --version print and write nothing", async () => {
  const streams = fakeProcess(folder);
  expect(await main(["--help"], streams)).toBe(0);
  expect(await main(["--version"], streams)).toBe(0);
  expect(streams.output()).toMatch(/^npm create kinsync-plugin[^]*\n\d+\.\d+\.\d+\n$/);
});
