import { readFileSync } from "node:fs";
import type { Runtime } from "./runtimes.ts";

/** Programs that run in a container: the agent, and the runner of one command. */
export type Program = "agent" | "run";

/** What a program learns beside its text. It is sent on standard input, so it is in no argument and no environment. */
export interface Prelude {
  /** Begins every line of the program. Other programs of the container do not know it. */
  readonly token: string;
  /** The agent ends when nothing arrived for so long. */
  readonly idleSeconds: number;
}

const FOLDER = new URL("../../agents/", import.meta.url);

/** Files of each program, in order. */
const FILES: Readonly<Record<Runtime, Readonly<Record<Program, readonly string[]>>>> = {
  python3: {
    agent: ["python3/incarnation.py", "python3/agent.py"],
    run: ["python3/incarnation.py", "python3/run.py"],
  },
  node: { agent: ["node/incarnation.cjs", "node/agent.cjs"], run: ["node/incarnation.cjs", "node/run.cjs"] },
  sh: { agent: ["sh/incarnation.sh", "sh/agent.sh"], run: ["sh/incarnation.sh", "sh/run.sh"] },
};

const PRELUDES: Readonly<Record<Runtime, (prelude: Prelude) => string>> = {
  python3: ({ token, idleSeconds }) => `SESSION_TOKEN = b"${token}"\nIDLE_SECONDS = ${idleSeconds}\n`,
  node: ({ token, idleSeconds }) => `"use strict";\nconst SESSION_TOKEN = "${token}", IDLE_SECONDS = ${idleSeconds};\n`,
  // A variable that came from the environment would go back there with a new value.
  sh: ({ token, idleSeconds }) =>
    `unset session_token idle_seconds\nsession_token=${token}\nidle_seconds=${idleSeconds}\n`,
};

const texts = new Map<string, string>();

/** The text of a program as it is sent: what it learns, then its files without comments and, where that is possible, indentation. */
export function programSource(runtime: Runtime, program: Program, prelude: Prelude): string {
  const key = `${runtime} ${program}`;
  let text = texts.get(key);
  if (text === undefined) {
    const files = FILES[runtime][program].map((name) => readFileSync(new URL(name, FOLDER), "utf8"));
    texts.set(key, (text = files.map((file) => strip(runtime, file)).join("")));
  }
  return PRELUDES[runtime](prelude) + text;
}

function strip(runtime: Runtime, text: string): string {
  const withoutComments = text.replace(runtime === "node" ? /^\s*\/\/.*\n/gm : /^[ \t]*#.*\n/gm, "");
  const withoutIndent = runtime === "python3" ? withoutComments : withoutComments.replace(/^[ \t]+/gm, "");
  return withoutIndent.replace(/\n{2,}/g, "\n").trimStart();
}
