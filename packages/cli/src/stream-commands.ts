import { InvalidArgumentError, type Command } from "commander";
import { clusterOptions, durationOf, withCluster, type Flags } from "./flags.ts";
import type { Io } from "./io.ts";
import { append } from "./setup/login-flags.ts";

interface ForwardFlags extends Flags {
  readonly index?: string;
  readonly address?: string;
}

interface PullFlags extends Flags {
  readonly all?: boolean;
  readonly overwrite?: boolean;
  readonly index?: string;
}

interface LogsFlags extends Flags {
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: number;
  readonly since?: number;
}

/** Adds the commands that read from the containers of a workload, beside the sync. */
export function addStreamCommands(program: Command, io: Io, finish: (code: number) => void): void {
  const logs = program
    .command("logs")
    .description("print what the containers of a workload write, in one stream")
    .argument("<workload>", "as kubectl names it: jobset/train, deploy/web, pod/x")
    .option("-f, --follow", "go on with new lines, restarts and new members until Ctrl-C", false)
    .option("-p, --previous", "of each container, the log of the run before the current one", false)
    .option("--role <name>", "only members of this role; may be repeated", append)
    .option("-c, --container <name>", "container of each member. Default: the pod's default container")
    .option("--tail <lines>", "only the last lines of each container. Default: all", linesOf)
    .option("--since <duration>", "only lines that are not older: 90s, 5m. Default: all", durationOf)
    .action(async (workload: string, flags: LogsFlags) => {
      const { runLogs } = await import("./commands/logs/logs.ts");
      const { follow = false, previous = false, role = [], container, tail, since } = flags;
      if (follow && previous) throw new InvalidArgumentError("--previous cannot be followed: that run is over.");
      const choice = { follow, previous, roles: role, container, tail, sinceMs: since };
      finish(await runLogs(workload, { ...clusterOptions(flags), ...choice }, io));
    });
  withCluster(logs);

  const forward = program
    .command("forward")
    .description("open local ports that lead to the current member of a workload, also after restarts and roll-outs")
    .argument("<workload>", "as kubectl names it: jobset/train, deploy/web, pod/x")
    .argument("<ports...>", "PORT, LOCAL:PORT, or :PORT for a local port that is free")
    .option("--role <name>", "only a member of this role", append)
    .option("--index <index>", "only the member with this index. Default: the lowest")
    .option("--address <address>", "address of this machine. Default: 127.0.0.1, which other machines do not reach")
    .action(async (workload: string, ports: readonly string[], flags: ForwardFlags) => {
      const { runForward } = await import("./commands/forward/forward.ts");
      const { role = [], index, address } = flags;
      if (role.length > 1) throw new InvalidArgumentError("Name one role: a local port leads to one member.");
      const choice = { role: role[0], index, address };
      finish(await runForward(workload, ports, { ...clusterOptions(flags), ...choice }, io));
    });
  withCluster(forward);

  const pull = program
    .command("pull")
    .description("copy a folder or a file of a container to this machine; continues where an earlier pull ended")
    .argument("<workload:path>", "jobset/train:/app/results; a relative path begins at the working directory")
    .argument("<local>", "local folder; of a single file also its new name")
    .option("--all", "from every current member, each into a folder named by role and index", false)
    .option("--role <name>", "only a member of this role", append)
    .option("--index <index>", "only the member with this index. Default: the lowest")
    .option("-c, --container <name>", "container of each member. Default: the pod's default container")
    .option("--overwrite", "replace local files that differ", false)
    .action(async (from: string, to: string, flags: PullFlags) => {
      const { runPull } = await import("./commands/pull/pull.ts");
      const { all = false, overwrite = false, role = [], index, container } = flags;
      if (role.length > 1) throw new InvalidArgumentError("Name one role.");
      const choice = { all, overwrite, role: role[0], index, container };
      finish(await runPull(from, to, { ...clusterOptions(flags), ...choice }, io));
    });
  withCluster(pull);
}

function linesOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("Write a number of lines.");
  return Number(value);
}
