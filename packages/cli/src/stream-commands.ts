import { InvalidArgumentError, type Command } from "commander";
import { clusterOptions, durationOf, withCluster, type Flags } from "./flags.ts";
import type { Io } from "./io.ts";
import { append } from "./setup/login-flags.ts";

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
}

function linesOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("Write a number of lines.");
  return Number(value);
}
