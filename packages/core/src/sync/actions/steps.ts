import { createHash } from "node:crypto";
import type { RunAction } from "../../contract/action.ts";
import type { ResolvedAction, ResolvedRestart } from "../../mapping/action.ts";
import { commandText } from "./due.ts";
import { programText } from "./program-text.ts";

/** What a container answers where the wrapper or the process is missing; its output says what would make it possible. */
export const CANNOT_EXIT_CODE = 96;

/** Part of an action that runs in one piece. Other targets may have to be ready between two of them. */
export interface ActionStep {
  readonly name: "run" | "signal" | "stop" | "start";
  /** For people. */
  readonly text: string;
  /** As for `Session.run`. */
  readonly command: readonly string[] | string;
}

/**
 * The steps of an action, in order.
 * @param incarnation changes whenever the container restarts; for `once`
 */
export function stepsOf(action: ResolvedAction, incarnation: string): readonly ActionStep[] {
  const { restart } = action;
  if (restart === undefined) {
    return [{ name: "run", text: commandText(action.command), command: commandOf(action, incarnation) }];
  }
  if (restart.signal !== undefined) {
    return [{ name: "signal", text: commandText(action.command), command: signalCommand(restart, restart.signal) }];
  }
  return [
    { name: "stop", text: "restart: stop", command: requestCommand("stop", restart.grace) },
    { name: "start", text: "restart: start", command: requestCommand("start", restart.settle) },
  ];
}

/** Number of the steps of an action. */
export function stepCount(action: ResolvedAction): 1 | 2 {
  return isByWrapper(action) ? 2 : 1;
}

function signalCommand({ process, pidFile }: ResolvedRestart, signal: string): readonly string[] {
  const chosen = pidFile === undefined ? (process === undefined ? [] : ["process", process]) : ["file", pidFile];
  return ["sh", "-c", programText("signal"), "kinsync-signal", signal, ...chosen];
}

function requestCommand(what: "stop" | "start", milliseconds: number): readonly string[] {
  return ["sh", "-c", programText("request"), "kinsync-restart", what, String(Math.ceil(milliseconds / 1000))];
}

/** What `heldCommand` ends with. Every other exit code: no wrapper runs, or not yet. */
export const HELD_EXIT_CODES = Object.freeze({ held: 0, started: 1 });

/** Asks whether `kinsync wrapper` holds the process since the start of the container. */
export function heldCommand(): readonly string[] {
  return ["sh", "-c", programText("request"), "kinsync-held", "held"];
}

/** Whether an action stops and starts what `kinsync wrapper` runs. */
export function isByWrapper({ restart }: ResolvedAction): boolean {
  return restart !== undefined && restart.signal === undefined;
}

/** The command as it is run: nothing of the config becomes part of a shell program, but for a command that is one. */
export function commandOf(action: RunAction, incarnation: string): readonly string[] | string {
  const { command, workdir, env = {}, once = false } = action;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  if (workdir === undefined && variables.length === 0 && !once) return command;
  let argv: readonly string[] = typeof command === "string" ? ["sh", "-c", command] : command;
  if (variables.length > 0) {
    // `env` takes a word with `=` for a variable.
    const isVariable = argv[0]?.includes("=") === true;
    argv = ["env", ...variables, ...(isVariable ? ["sh", "-c", 'exec "$@"', "sh"] : []), ...argv];
  }
  if (workdir !== undefined) {
    const folder = /^[./]/.test(workdir) ? workdir : `./${workdir}`;
    argv = ["sh", "-c", 'cd -- "$1" || exit; shift; exec "$@"', "sh", folder, ...argv];
  }
  return once ? ["sh", "-c", programText("once"), "kinsync-once", onceKey(action, incarnation), ...argv] : argv;
}

/** The same command in the same life of a container. */
function onceKey({ command, workdir, env }: RunAction, incarnation: string): string {
  const text = JSON.stringify([incarnation, command, workdir, env]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
