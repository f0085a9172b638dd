// An unconfined container is a folder of the machine: its processes see the machine, and write to the folder.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { exitOf, failedExec, notFound, runExec, sendSignal, spawnPiped, startedGroup } from "./container-process.ts";
import { ContainerStartError, type ContainerOptions, type RunningContainer } from "./container.ts";
import { isExecutable } from "./lookup.ts";
import type { WriteFence } from "./write-fence.ts";

/**
 * @param fence - restricts writing to the container's folder and its writable volumes, if the machine has one.
 * @throws {@link ContainerStartError}
 */
export async function startUnconfined(
  fence: WriteFence | undefined,
  options: ContainerOptions,
): Promise<RunningContainer> {
  const { env, root, watchdog } = options;
  const cwd = join(root, options.workingDir);
  await mkdir(cwd, { recursive: true });
  const writable = writablePlaces(options);
  /** @returns the command line to start; `undefined` if the program is missing. */
  const commandLine = async (command: readonly string[]): Promise<readonly string[] | undefined> => {
    const [name = ""] = command;
    if (!(await isExecutable("/", name, { path: env["PATH"] ?? "", workingDir: cwd }))) return undefined;
    return fence === undefined ? command : fence.wrap(command, writable);
  };
  const [name = ""] = options.command;
  const [program, ...args] = (await commandLine(options.command)) ?? [];
  if (program === undefined) throw new ContainerStartError(notFound(name), 128);
  const started = await spawnPiped(program, args, { cwd, env, input: false, pipes: options.pipes });
  const { child, stdout, stderr } = started;
  let group: number;
  try {
    group = await startedGroup(child, watchdog);
  } catch (error) {
    throw new ContainerStartError(notFound(name, error), 128);
  }
  options.log.collect(stdout);
  options.log.collect(stderr);
  const exited = exitOf(child, group, watchdog, [stdout, stderr]);
  let alive = true;
  child.once("exit", () => {
    alive = false;
    // The processes that it has started end with it, as in a container.
    sendSignal(-group, "SIGKILL");
  });
  return {
    pid: group,
    liveRoot: root,
    exited,
    signal(signal) {
      if (alive) sendSignal(signal === "SIGKILL" ? -group : group, signal);
    },
    async exec(command, execOptions) {
      const [path, ...rest] = (await commandLine(command)) ?? [];
      if (path === undefined) return failedExec(notFound(command[0] ?? ""));
      return runExec(path, rest, { ...options, exited, cwd, stdin: execOptions.stdin });
    },
  };
}

/** The folders and files that a process of the container can write to. */
function writablePlaces({ root, readOnlyRoot, mounts, pipes }: ContainerOptions): string[] {
  return [
    ...(readOnlyRoot ? [] : [root]),
    ...mounts.flatMap((mount) => (mount.kind === "tmpfs" || mount.readOnly ? [] : [mount.source])),
    // Its outputs, opened again by name (`/dev/stderr`).
    pipes.directory,
  ];
}
