// One run of one container: its process, and the commands that are executed beside it.

import { spawn, type ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { constants } from "node:os";
import { Readable, Writable } from "node:stream";
import type { ExecProcess } from "../world.ts";
import { unshareArguments, type Confinement, type ConfinementTools } from "./confinement.ts";
import { confinedScript, type ContainerMount } from "./confined-script.ts";
import type { ContainerLog } from "./container-log.ts";
import { isExecutable } from "./lookup.ts";
import type { PipePool } from "./pipes.ts";
import type { Watchdog } from "./watchdog.ts";

/** How a container ended. `code` is 128 + signal where a signal ended it. */
export interface ContainerExit {
  readonly code: number;
  readonly signal?: NodeJS.Signals;
}

export interface ContainerOptions {
  /** The folder with the container's files. */
  readonly root: string;
  readonly hostname: string;
  readonly command: readonly string[];
  /** The whole environment of the process: nothing is inherited from the machine. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path in the container. */
  readonly workingDir: string;
  readonly mounts: readonly ContainerMount[];
  /** Confined only: the folder that becomes `/dev`. */
  readonly deviceTemplate: string;
  readonly readOnlyRoot: boolean;
  /** Confined and as root only. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** A process whose mounts the container starts from (the pod's, where it has volumes in memory). */
  readonly joinPid?: number;
  readonly log: ContainerLog;
  readonly watchdog: Watchdog;
  readonly pipes: PipePool;
}

/** The command is not in the image, or the container's root could not be made. `code` is what the runtime reports as exit code. */
export class ContainerStartError extends Error {
  override readonly name = "ContainerStartError";
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** A container whose process has started. */
export interface RunningContainer {
  /** PID 1 of the container as the machine sees it. */
  readonly pid: number;
  /** Its root as this process sees it, mounts included; only while it runs. */
  readonly liveRoot: string;
  readonly exited: Promise<ContainerExit>;
  signal(signal: NodeJS.Signals): void;
  exec(command: readonly string[], options: { readonly stdin: boolean }): Promise<ExecProcess>;
}

/** Starts a container's process. @throws {@link ContainerStartError} */
export function startContainer(confinement: Confinement, options: ContainerOptions): Promise<RunningContainer> {
  return confinement.kind === "confined" ? startConfined(confinement.tools, options) : startUnconfined(options);
}

async function startConfined(tools: ConfinementTools, options: ContainerOptions): Promise<RunningContainer> {
  const script = confinedScript({
    busybox: tools.busybox,
    deviceTemplate: options.deviceTemplate,
    root: options.root,
    hostname: options.hostname,
    workingDir: options.workingDir,
    mounts: options.mounts,
    readOnlyRoot: options.readOnlyRoot,
    ...(options.user === undefined ? {} : { user: `${options.user.uid}:${options.user.gid}` }),
  });
  const joined = options.joinPid !== undefined;
  const join = joined ? [tools.nsenter, ...joinArguments(tools, options.joinPid), tools.unshare] : [tools.unshare];
  const [program = "", ...args] = [
    ...join,
    ...unshareArguments(tools, { joined }),
    tools.busybox,
    "sh",
    "-c",
    script,
    "sh",
    ...options.command,
  ];
  const out = await options.pipes.output();
  const err = await options.pipes.output();
  // Confined is Linux, and Linux has them.
  if (out === undefined || err === undefined) throw new ContainerStartError("pipes can't be made", 128);
  const child = spawn(program, args, {
    cwd: "/",
    env: options.env,
    detached: true,
    stdio: ["ignore", out.childFd, "pipe", "pipe", err.childFd],
  });
  for (const { childFd, stream } of [out, err]) {
    closeSync(childFd);
    options.log.collect(stream);
  }
  const group = await startedGroup(child, options.watchdog);
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaint = `${complaint}${text}`.slice(-1000)));
  const exited = exitOf(child, group, options.watchdog, [out.stream, err.stream], () => complaint);
  let alive = true;
  child.once("exit", () => (alive = false));
  const report = await readReport(child.stdio[3] as Readable);
  if (!report.ready) {
    const { code } = await exited;
    const [name = ""] = options.command;
    throw report.missing
      ? new ContainerStartError(notFound(name), 128)
      : new ContainerStartError(`The container's root could not be made (exit ${code}): ${complaint.trim()}`, 128);
  }
  return confinedContainer(tools, options, report.pid, exited, () => alive);
}

function confinedContainer(
  tools: ConfinementTools,
  options: ContainerOptions,
  pid: number,
  exited: Promise<ContainerExit>,
  isAlive: () => boolean,
): RunningContainer {
  const liveRoot = `/proc/${pid}/root`;
  return {
    pid,
    liveRoot,
    exited,
    signal(signal) {
      if (isAlive()) sendSignal(pid, signal);
    },
    async exec(command, execOptions) {
      const [name = ""] = command;
      const path = options.env["PATH"] ?? "";
      if (!(await isExecutable(liveRoot, name, { path, workingDir: options.workingDir })))
        return failedExec(notFound(name));
      const user =
        options.user === undefined ? [] : ["--setuid", `${options.user.uid}`, "--setgid", `${options.user.gid}`];
      const args = [
        ...joinArguments(tools, pid),
        "--pid",
        "--uts",
        "--ipc",
        "--root",
        `--wd=${liveRoot}${options.workingDir}`,
        ...user,
        ...command,
      ];
      return runExec(tools.nsenter, args, { ...shared(options, exited), cwd: "/", stdin: execOptions.stdin });
    },
  };
}

async function startUnconfined(options: ContainerOptions): Promise<RunningContainer> {
  const [program = "", ...args] = options.command;
  const cwd = join(options.root, options.workingDir);
  await mkdir(cwd, { recursive: true });
  const started = await spawnPiped(program, args, { cwd, env: options.env, input: false, pipes: options.pipes });
  const { child, stdout, stderr } = started;
  let group: number;
  try {
    group = await startedGroup(child, options.watchdog);
  } catch (error) {
    throw new ContainerStartError(notFound(program, error), 128);
  }
  options.log.collect(stdout);
  options.log.collect(stderr);
  const exited = exitOf(child, group, options.watchdog, [stdout, stderr]);
  let alive = true;
  child.once("exit", () => {
    alive = false;
    // What the first process left behind ends with it, as in a container.
    sendSignal(-group, "SIGKILL");
  });
  return {
    pid: group,
    liveRoot: options.root,
    exited,
    signal(signal) {
      if (alive) sendSignal(signal === "SIGKILL" ? -group : group, signal);
    },
    exec: ([name = "", ...rest], execOptions) =>
      runExec(name, rest, { ...shared(options, exited), cwd, stdin: execOptions.stdin }),
  };
}

/** Options of `nsenter` that enter a process's mounts (and its user namespace, where that is what made it root). */
function joinArguments(tools: ConfinementTools, pid: number | undefined): string[] {
  return ["--target", `${pid}`, "--mount", ...(tools.userNamespace ? ["--user", "--preserve-credentials"] : [])];
}

interface ExecOptions extends Pick<ContainerOptions, "env" | "watchdog" | "pipes"> {
  readonly cwd: string;
  readonly stdin: boolean;
  /** The container's end, which is also this process's end. */
  readonly exited: Promise<ContainerExit>;
}

function shared(
  { env, watchdog, pipes }: ContainerOptions,
  exited: Promise<ContainerExit>,
): Omit<ExecOptions, "cwd" | "stdin"> {
  return { env, watchdog, pipes, exited };
}

async function runExec(program: string, args: readonly string[], options: ExecOptions): Promise<ExecProcess> {
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
    // A helper that could not enter the container any more says 1, which nobody outside should see.
    return { code: containerEnded && code !== 0 ? 137 : exitCode(code, signal) };
  })();
  return { stdin, stdout, stderr, exit, kill };
}

/** @returns the process group of a child that has started. @throws the error of a child that has not. */
async function startedGroup(child: ChildProcess, watchdog: Watchdog): Promise<number> {
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

function exitOf(
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
    // With its outputs the log is whole. A process that left the container's group can hold them for ever, though.
    await Promise.race([Promise.all(outputs.map(closed)), patience(250)]);
    // util-linux before 2.40 wants to die of the signal that its child died of, and fails to with the one that matters.
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

/** Starts a process with pipes that it can open again by name (where the system has such). */
async function spawnPiped(
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

interface StartReport {
  readonly pid: number;
  readonly ready: boolean;
  readonly missing: boolean;
}

/** Reads until the word comes that decides: the pipe itself stays open in `unshare` for as long as the container runs. */
async function readReport(stream: Readable): Promise<StartReport> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) {
    text += chunk as string;
    if (/^(ready|missing)\n/m.test(text)) break;
  }
  const lines = text.split("\n");
  const pid = Number(lines.find((line) => line.startsWith("pid "))?.slice(4) ?? 0);
  return { pid, ready: lines.includes("ready"), missing: lines.includes("missing") };
}

function failedExec(message: string): ExecProcess {
  const child = spawnNothing();
  return { ...child, exit: Promise.resolve({ error: message }), kill: () => undefined };
}

function spawnNothing(): Pick<ExecProcess, "stdin" | "stdout" | "stderr"> {
  const stdin = new Writable({ write: (_chunk, _encoding, done) => done() });
  return { stdin, stdout: Readable.from([]), stderr: Readable.from([]) };
}

function notFound(name: string, cause?: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : "ENOENT";
  if (code !== "ENOENT") return `unable to start container process: exec: "${name}": ${String(cause)}`;
  const problem = name.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
  return `unable to start container process: exec: "${name}": ${name.includes("/") ? `stat ${name}: ` : ""}${problem}`;
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 0) : 128 + (constants.signals[signal] ?? 0);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
