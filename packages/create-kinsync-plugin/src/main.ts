import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { askMissing, Cancelled, type Terminal } from "./ask.ts";
import { createPlugin } from "./create-plugin.ts";
import { HELP, parseFlags, specOf, type Flags } from "./flags.ts";
import { packageName, type PluginSpec } from "./spec.ts";
import { UsageError } from "./usage-error.ts";

/** What the program needs of its process. */
export interface Streams {
  readonly stdin: Terminal["input"] & { readonly isTTY?: boolean };
  readonly stdout: Terminal["output"] & { readonly isTTY?: boolean };
  readonly stderr: Terminal["output"];
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
}

const EXIT = { done: 0, usage: 2, interrupted: 130 } as const;

/** Runs the program. @returns its exit code */
export async function main(argv: readonly string[], streams: Streams): Promise<number> {
  try {
    const flags = parseFlags(argv);
    if (flags.isHelp || flags.isVersion) {
      streams.stdout.write(flags.isHelp ? HELP : `${await ownVersion()}\n`);
      return EXIT.done;
    }
    const complete = isAttended(streams) ? await askMissing(flags, terminalOf(streams)) : flags;
    await create(specOf(complete), complete, streams);
    return EXIT.done;
  } catch (error) {
    if (error instanceof Cancelled) return EXIT.interrupted;
    if (!(error instanceof UsageError)) throw error;
    streams.stderr.write(`error: ${error.message}\n  hint: ${error.hint}\n`);
    return EXIT.usage;
  }
}

/** Somebody can answer: a terminal, and not of a CI system. */
function isAttended({ stdin, stdout, env }: Streams): boolean {
  return stdin.isTTY === true && stdout.isTTY === true && (env["CI"] ?? "") === "";
}

function terminalOf({ stdin, stdout }: Streams): Terminal {
  return { input: stdin, output: stdout };
}

async function create(spec: PluginSpec, { folder }: Flags, streams: Streams): Promise<void> {
  const cwd = streams.cwd();
  const target = resolve(cwd, folder ?? packageName(spec));
  const files = await createPlugin(spec, target);
  const shown = relative(cwd, target) || ".";
  const enter = shown === "." ? [] : [`  cd ${shown}`];
  const lines = [
    `wrote ${packageName(spec)} to ${shown}:`,
    ...files.map((path) => `  ${path}`),
    "",
    "Next:",
    ...enter,
    "  npm install",
    "  npm test",
    "README.md of the plugin leads on from there.",
  ];
  streams.stdout.write(`${lines.join("\n")}\n`);
}

async function ownVersion(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "..", "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
