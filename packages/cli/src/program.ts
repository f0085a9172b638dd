import { Command, CommanderError, Option } from "commander";
import { addAskCommands } from "./ask-commands.ts";
import {
  clusterOptions,
  limitOf,
  outputOptions,
  syncOptions,
  withCluster,
  withOutput,
  withSync,
  type Flags,
} from "./flags.ts";
import type { Io } from "./io.ts";
import { addMoreCommands } from "./more-commands.ts";
import { addStreamCommands } from "./stream-commands.ts";
import { VERSION } from "./version.ts";

export { CommanderError };

/**
 * The command line. Commands are imported when they are run, so that `--help` costs nothing.
 * @param finish receives the exit code of the command that ran
 */
export function createProgram(io: Io, finish: (code: number) => void): Command {
  const program = new Command("kinsync")
    .description(
      "Save a file, and kinsync updates it in every container that your Kubernetes workload owns, and in no other.",
    )
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // commander throws errors, and kinsync prints them.
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getOutHasColors: () => false,
    })
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  kinsync demo                                     kinsync at work, on an embedded cluster\n" +
        "  kinsync up jobset/train --sync src:/app/src      keep the containers of a JobSet up to date\n" +
        "  kinsync plan                                     what sync would write, delete and run\n" +
        "  kinsync tree deploy/web                          which pods are members, and which are current\n" +
        "  kinsync explain deploy/web web-7d4b9-x2x1q       why a pod is in or out\n" +
        "\nExit codes: 0 all up to date, 1 internal error, 2 usage or config, 3 a container is out of date, failed or stopped,\n" +
        "4 nothing to sync to, 5 cluster not reachable or not allowed, 130 interrupted.",
    );

  const up = command(program, "up", "keep the containers of workloads up to date with local files, until Ctrl-C")
    .argument("[workloads...]", "as kubectl names them: jobset/train, deploy/web, pod/x. Default: all of the config")
    .action(async (workloads: readonly string[], flags: Flags) => {
      const { runUp } = await import("./commands/up.ts");
      finish(await runUp(workloads, syncOptions(flags), io));
    });
  up.option("--logs", "print what the containers write, too, with a mark where each snapshot landed", false);
  up.option("--no-history", "keep no copies of files for `kinsync undo`");
  withSync(up);

  const sync = command(program, "sync", "bring the containers up to date once, and end")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .addOption(
      new Option("--wait <duration>", "how long to wait for a first container: 90s, 2m. Default: 60s").argParser(
        limitOf,
      ),
    )
    .option("--dry-run", "show what would be written, deleted and run, and change nothing; the same as plan", false)
    .action(async (workloads: readonly string[], flags: Flags) => {
      if (flags.dryRun === true) {
        const { runPlan } = await import("./commands/plan/plan.ts");
        finish(await runPlan(workloads, { ...syncOptions(flags), exitCode: false }, io));
        return;
      }
      const { runSync } = await import("./commands/sync.ts");
      finish(await runSync(workloads, syncOptions(flags), io));
    });
  withSync(sync);

  const tree = command(program, "tree", "show the members of a workload, and the state of each")
    .argument("<workload>", "as kubectl names it: jobset/train, deploy/web, pod/x")
    .action(async (workload: string, flags: Flags) => {
      const { runTree } = await import("./commands/tree.ts");
      finish(await runTree(workload, clusterOptions(flags), io));
    });
  withCluster(tree);

  const explain = command(
    program,
    "explain",
    "show why each pod is a target or not, with the evidence; also those left out",
  )
    .argument("<workload>", "as kubectl names it")
    .argument("[pod]", "this pod alone")
    .action(async (workload: string, pod: string | undefined, flags: Flags) => {
      const { runExplain } = await import("./commands/explain.ts");
      finish(await runExplain(workload, pod, clusterOptions(flags), io));
    });
  withCluster(explain);

  addStreamCommands(program, io, finish);
  addAskCommands(program, io, finish);
  addMoreCommands(program, io, finish);
  program.hook("preAction", async (_, { args }) => {
    if (args.length > 1) (await import("./kubectl-words.ts")).refuseTwoWords(args);
  });

  const demo = command(program, "demo", "show kinsync on an embedded cluster: no Kubernetes needed")
    .option("--keep", "keep running, and print how to edit and how to use kubectl with it", false)
    .action(async (flags: Flags) => {
      const { runDemo } = await import("./commands/demo.ts");
      finish(await runDemo({ ...outputOptions(flags), keep: flags.keep === true }, io));
    });
  withOutput(demo);

  return program;
}

function command(program: Command, name: string, description: string): Command {
  return program.command(name).description(description);
}
