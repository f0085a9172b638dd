// A container with its own root, processes and mounts.

import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import type { Readable } from "node:stream";
import { exitOf, failedExec, notFound, runExec, sendSignal, startedGroup } from "./container-process.ts";
import { ContainerStartError, type ContainerExit, type ContainerOptions, type RunningContainer } from "./container.ts";
import { confinedScript } from "./confined-script.ts";
import { unshareArguments, type ConfinementTools } from "./confinement.ts";
import { isExecutable } from "./lookup.ts";

/** @throws {@link ContainerStartError} */
export async function startConfined(tools: ConfinementTools, options: ContainerOptions): Promise<RunningContainer> {
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
      return runExec(tools.nsenter, args, { ...options, exited, cwd: "/", stdin: execOptions.stdin });
    },
  };
}

/** Options of `nsenter` that enter a process's mounts (and its user namespace, if it is root only there). */
function joinArguments(tools: ConfinementTools, pid: number | undefined): string[] {
  return ["--target", `${pid}`, "--mount", ...(tools.userNamespace ? ["--user", "--preserve-credentials"] : [])];
}

interface StartReport {
  readonly pid: number;
  readonly ready: boolean;
  readonly missing: boolean;
}

/** Reads until the result is known; the pipe itself stays open in `unshare` while the container runs. */
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
