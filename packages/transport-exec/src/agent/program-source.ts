import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { PieceEncoding } from "@kinsync/core/contract";
import type { Runtime } from "./runtimes.ts";

/** Programs that run in a container: the agent, the runner of one command, and the sender of files. */
export type Program = "agent" | "run" | "pull";

/** A process that an earlier session left behind. */
export interface FormerAgent {
  readonly id: number;
  /** In ticks since the boot, so that no other process with this ID is ended. */
  readonly start: string;
  /** `TERM`: an agent, which cleans up. `KILL`: it never answered. */
  readonly signal: "TERM" | "KILL";
}

/** What a program learns beside its text. It is sent on standard input, so it is in no argument and no environment. */
export interface Prelude {
  /** Agents that earlier sessions of this run left behind in the container. The program ends them. Default: none. */
  readonly former?: readonly FormerAgent[];
  /** Begins every line of the program. Other programs of the container do not know it. */
  readonly token: string;
  /** The agent ends when nothing arrived for so long. */
  readonly idleSeconds: number;
  /** What the container decompresses, as the probe found. Only the sh agent needs it; the others find out. Default: nothing. */
  readonly encodings?: readonly PieceEncoding[];
}

/** By the name of the package: the program `kinsync` has this module in a bundle of its own. */
const PACKAGE = pathToFileURL(createRequire(import.meta.url).resolve("@kinsync/transport-exec/package.json"));
const FOLDER = new URL("agents/", PACKAGE);

/** Files of each program, in order. */
const FILES: Readonly<Record<Runtime, Readonly<Record<Program, readonly string[]>>>> = {
  python3: {
    agent: ["python3/incarnation.py", "python3/former.py", "python3/agent.py"],
    run: ["python3/incarnation.py", "python3/run.py"],
    pull: ["python3/incarnation.py", "python3/pull.py"],
  },
  node: {
    agent: ["node/incarnation.cjs", "node/former.cjs", "node/agent.cjs"],
    run: ["node/incarnation.cjs", "node/run.cjs"],
    pull: ["node/incarnation.cjs", "node/pull.cjs"],
  },
  sh: {
    agent: ["sh/former.sh", "sh/incarnation.sh", "sh/agent.sh"],
    run: ["sh/incarnation.sh", "sh/run.sh"],
    pull: ["sh/incarnation.sh", "sh/pull.sh"],
  },
};

const PRELUDES: Readonly<Record<Runtime, (prelude: Required<Prelude>) => string>> = {
  python3: ({ token, idleSeconds, former }) =>
    `SESSION_TOKEN = b"${token}"\nIDLE_SECONDS = ${idleSeconds}\n` +
    `FORMER_AGENTS = [${former.map(({ id, start, signal }) => `(${id}, b"${start}", "${signal}")`).join(", ")}]\n`,
  node: ({ token, idleSeconds, former }) =>
    `"use strict";\nconst SESSION_TOKEN = "${token}", IDLE_SECONDS = ${idleSeconds};\n` +
    `const FORMER_AGENTS = [${former.map(({ id, start, signal }) => `[${id}, "${start}", "${signal}"]`).join(", ")}];\n`,
  // A variable that came from the environment would go back there with a new value.
  sh: ({ token, idleSeconds, former, encodings }) =>
    `unset session_token idle_seconds former_agents encodings\nsession_token=${token}\nidle_seconds=${idleSeconds}\n` +
    `encodings=${encodings.join(",")}\n` +
    `former_agents='${former.map(({ id, start, signal }) => `${id} ${start} ${signal}`).join(" ")}'\n`,
};

const texts = new Map<string, string>();

/** The text of a program as it is sent: what it learns, then its files. */
export function programSource(runtime: Runtime, program: Program, prelude: Prelude): string {
  return PRELUDES[runtime]({ former: [], encodings: [], ...prelude }) + programText(runtime, FILES[runtime][program]);
}

/** The text of files without comments and, where that is possible, indentation. */
export function programText(runtime: Runtime, files: readonly string[]): string {
  const key = files.join(" ");
  let text = texts.get(key);
  if (text === undefined) {
    text = files.map((name) => strip(runtime, readFileSync(new URL(name, FOLDER), "utf8"))).join("");
    texts.set(key, text);
  }
  return text;
}

function strip(runtime: Runtime, text: string): string {
  const withoutComments = text.replace(runtime === "node" ? /^\s*\/\/.*\n/gm : /^[ \t]*#.*\n/gm, "");
  const withoutIndent = runtime === "python3" ? withoutComments : withoutComments.replace(/^[ \t]+/gm, "");
  return withoutIndent.replace(/\n{2,}/g, "\n").trimStart();
}
