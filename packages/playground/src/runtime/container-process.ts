// Starts the processes of containers, and reports how they end.

import { spawn, type ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { Readable, Writable } from "node:stream";
import type { ExecProcess } from "../world.ts";
import type { ContainerExit, ContainerOptions } from "./container.ts";
import type { Watchdog } from "./watchdog.ts";

interface ExecOptions extends Pick<ContainerOptions, "env" | "watchdog" | "pipes"> {
  readonly cwd: string;
  readonly stdin: boolean;
  /** The exit of the container, which is also this process's exit. */
  readonly exited: Promise<ContainerExit>;
}

export async function runExec(program: string, args: readonly string[], options: ExecOptions): Promise<ExecProcess> {
  const { child, stdin, stdout, stderr } = await spawnPiped(program, args, { ...options, input: options.stdin });
  let group: number;
  try {
    group = await startedGroup(child, options.watchdog);
  } catch (error) {
    return failedExec(notFound(program, error));
  }
  const kill = (): void => sendSignal(-group, "SIGKILL");
  let containerEnded = false;
  let ended = false;
  void options.exited.then(() => {
    containerEnded = true;
    if (!ended) kill();
  });
  const exit = (async () => {
    const [code, signal] = await exitEvent(child);
    ended = true;
    options.watchdog.delete(group);
    stdin.destroy();
    await Promise.all([closed(stdout), closed(stderr)]);
    // A helper that can no longer enter the container exits with 1, which must not be reported.
    return { code: containerEnded && code !== 0 ? 137 : exitCode(code, signal) };
  })();
  return { stdin, stdout, stderr, exit, kill };
}

/** @returns the process group of a child that has started. @throws the error of a child that failed to start. */
export async function startedGroup(child: ChildProcess, watchdog: Watchdog): Promise<number> {
  const { pid } = child;
  if (pid === undefined) {
    throw await new Promise<Error>((resolve) => {
      child.once("error", resolve);
    });
  }
  watchdog.add(pid);
  child.on("error", () => undefined);
  return pid;
}

export function exitOf(
  child: ChildProcess,
  group: number,
  watchdog: Watchdog,
  outputs: readonly Readable[],
  complaint = (): string => "",
): Promise<ContainerExit> {
  const exit = exitEvent(child);
  return (async () => {
    const [code, signal] = await exit;
    watchdog.delete(group);
    // The log is complete when its outputs end. But a process that left the container's group can hold them forever.
    await Promise.race([Promise.all(outputs.map(closed)), patience(250)]);
    // util-linux before 2.40 tries to end by the signal that ended its child, and fails for SIGKILL.
    if (code === 1 && complaint().includes("sigprocmask unblock failed")) return { code: 137, signal: "SIGKILL" };
    return { code: exitCode(code, signal), ...(signal === null ? {} : { signal }) };
  })();
}

function exitEvent(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve([code, signal])));
}

function closed(stream: Readable): Promise<void> {
  return stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once("close", () => resolve()));
}

function patience(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}

interface PipedChild {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** Starts a process with pipes that it can open again by name, if the system has them. */
export async function spawnPiped(
  program: string,
  args: readonly string[],
  options: Pick<ExecOptions, "cwd" | "env" | "pipes"> & { readonly input: boolean },
): Promise<PipedChild> {
  const { cwd, env, pipes } = options;
  const input = options.input ? await pipes.input() : undefined;
  const out = await pipes.output();
  const err = await pipes.output();
  const child = spawn(program, args, {
    cwd,
    env,
    detached: true,
    stdio: [input?.childFd ?? (options.input ? "pipe" : "ignore"), out?.childFd ?? "pipe", err?.childFd ?? "pipe"],
  });
  for (const pipe of [input, out, err]) if (pipe !== undefined) closeSync(pipe.childFd);
  const nothing = spawnNothing();
  const stdin = input?.stream ?? child.stdin ?? nothing.stdin;
  stdin.on("error", () => undefined);
  child.once("close", () => stdin.destroy());
  const stdout = out?.stream ?? child.stdout ?? nothing.stdout;
  const stderr = err?.stream ?? child.stderr ?? nothing.stderr;
  return { child, stdin, stdout, stderr };
}

export function failedExec(message: string): ExecProcess {
  const child = spawnNothing();
  return { ...child, exit: Promise.resolve({ error: message }), kill: () => undefined };
}

function spawnNothing(): Pick<ExecProcess, "stdin" | "stdout" | "stderr"> {
  const stdin = new Writable({ write: (_chunk, _encoding, done) => done() });
  return { stdin, stdout: Readable.from([]), stderr: Readable.from([]) };
}

export function notFound(name: string, cause?: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : "ENOENT";
  if (code !== "ENOENT") return `unable to start container process: exec: "${name}": ${String(cause)}`;
  const problem = name.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
  return `unable to start container process: exec: "${name}": ${name.includes("/") ? `stat ${name}: ` : ""}${problem}`;
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 0) : 128 + (constants.signals[signal] ?? 0);
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
