import type { PieceEncoding } from "@kinsync/core/contract";
import { quoted } from "../protocol/quote.ts";
import { programText } from "./program-source.ts";
import { AGENTS, RUNTIMES } from "./runtimes.ts";
import type { SentAhead } from "./sent-ahead.ts";

/** Processes that the tests of the probe start, and those of a save by the `sh` agent. */
const PROBE_PROCESSES = 8;
const SAVE_PROCESSES = 4;
const AHEAD = ["started", "skipped", "ended"] as const;
/** A version 1 cgroup without a limit has the largest number of pages as its limit. */
const UNLIMITED_BYTES = 2 ** 60;

/** Where a container sees its own cgroup, versions 1 and 2. */
export const MEMORY_FOLDER = "/sys/fs/cgroup";

/** What a container with a shell has. */
export interface ContainerFacts {
  /** Programs that exist. */
  readonly found: ReadonlySet<string>;
  /** Of these, tools that do something else than the agent expects. */
  readonly unusable: ReadonlySet<string>;
  /** Bytes; `undefined` without a limit. `left`: what the container can still use, with the file content that the kernel can drop. */
  readonly memory: { readonly limit: number; readonly left: number } | undefined;
  /** Milliseconds that a save by the `sh` agent takes here, by the measured tests of tools. */
  readonly saveMs: number;
  /** What a tool of the container decompresses. */
  readonly encodings: readonly PieceEncoding[];
  /** What became of the agent that was sent with the probe; `undefined`: none was. `ended`: the shell, since it could not skip the agent. */
  readonly ahead: (typeof AHEAD)[number] | undefined;
  /** The process of the shell, which becomes the agent; `undefined` without /proc. */
  readonly process: AgentProcess | undefined;
}

/** A process in a container. The start, in ticks since the boot, tells it from a later one with the same ID. */
export interface AgentProcess {
  readonly id: number;
  readonly start: string;
}

/**
 * One line of shell that reports what the container has, and then executes the next line.
 * @param ahead what follows this line. Default: nothing
 */
export function probeLine(token: string, memoryFolder: string, ahead?: SentAhead): string {
  const programs = new Set(RUNTIMES.flatMap((runtime) => AGENTS[runtime].needs));
  const words = {
    session_token: token,
    memory_folder: quoted(memoryFolder),
    probed_programs: quoted([...programs].join(" ")),
    agent_bytes: ahead?.packedBytes ?? "",
    following_bytes: ahead?.bytes ?? "",
    agent_programs: quoted(ahead === undefined ? "" : AGENTS.sh.needs.join(" ")),
    preferred_programs: quoted(ahead?.preferred.join(" ") ?? ""),
  };
  const prelude = Object.entries(words)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
  const text = prelude + programText("sh", ["sh/probe.sh"]);
  // A line can hold no newline, and the shell has no variable with one yet.
  return `eval "$(printf %b ${quoted(text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"))})"\n`;
}

/** @param testsMs milliseconds between the two lines of the probe */
export function readProbe(line: string, testsMs: number): ContainerFacts {
  const [found = "", unusable = "", memory = "", process = "", encodings = "", ahead = ""] = line
    .split("|")
    .map((part) => part.trim());
  return {
    found: new Set(found.split(" ")),
    unusable: new Set(unusable.split(" ").filter((name) => name !== "")),
    memory: readMemory(memory),
    saveMs: (testsMs * SAVE_PROCESSES) / PROBE_PROCESSES,
    encodings: encodings === "gzip" ? ["gzip"] : [],
    ahead: AHEAD.find((each) => each === ahead),
    process: readProcess(process.split(" ")),
  };
}

function readMemory(text: string): ContainerFacts["memory"] {
  const [limit = Number.NaN, used = Number.NaN, reclaimable = 0] = text.split(" ").map(Number);
  if (text === "" || !(limit >= 0) || !(used >= 0) || limit >= UNLIMITED_BYTES) return undefined;
  return { limit, left: Math.max(0, limit - Math.max(0, used - (reclaimable || 0))) };
}

/** Reads the ID of a process and its start; `undefined` if the words are something else. */
export function readProcess([id = "", start = ""]: readonly string[]): AgentProcess | undefined {
  return /^[1-9]\d*$/.test(id) && /^\d+$/.test(start) ? { id: Number(id), start } : undefined;
}
