import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { InitialSync } from "@kinsync/core/contract";
import type { Io } from "./io.ts";
import { loginOverrides, requestTimeouts, withLogin, type LoginFlags } from "./setup/login-flags.ts";
import { parseDuration } from "./setup/parse-duration.ts";
import type { ClusterOptions, OutputOptions, SyncOptions } from "./setup/options.ts";
import { VERSION } from "./version.ts";

export { CommanderError };

/** Flags as commander gives them. */
interface Flags extends LoginFlags {
  readonly output?: "json" | "text";
  readonly color?: boolean;
  readonly debug?: boolean;
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly config?: string;
  readonly profile?: readonly string[];
  readonly selector?: string;
  readonly sync?: readonly string[];
  readonly container?: string;
  readonly role?: readonly string[];
  readonly initial?: InitialSync;
  readonly allowEmpty?: boolean;
  readonly allowDeletes?: boolean;
  readonly wait?: number;
  readonly keep?: boolean;
}

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
  withSync(up);

  const sync = command(program, "sync", "bring the containers up to date once, and end")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .addOption(
      new Option("--wait <duration>", "how long to wait for a first container: 90s, 2m. Default: 60s").argParser(
        durationOf,
      ),
    )
    .action(async (workloads: readonly string[], flags: Flags) => {
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

function withOutput(target: Command): Command {
  return target
    .addOption(new Option("-o, --output <format>", "how to print: text, or JSON lines").choices(["text", "json"]))
    .option("--no-color", "no colors (NO_COLOR does the same)")
    .option("--debug", "print the stack of an error", false);
}

function withCluster(target: Command): Command {
  target
    .option("-n, --namespace <name>", "namespace. Default: that of the context")
    .option("--context <name>", "context of the kubeconfig; naming it allows writing")
    .option("--kubeconfig <file>", "kubeconfig. Default: KUBECONFIG, else ~/.kube/config")
    .option("-l, --selector <labels>", "only workloads with these labels, as kubectl writes them: app=web,tier!=cache")
    .option("--config <file>", "config file. Default: kinsync.config.* here or above")
    .option("--profile <name>", "profile of the config; may be repeated", append);
  return withOutput(withLogin(target));
}

function withSync(target: Command): Command {
  target
    .option("--sync <from:to>", "local path : container path; may be repeated", append)
    .option("--container <name>", "container of each member. Default: the pod's default container")
    .option("--role <name>", "only members of this role; may be repeated", append)
    .addOption(
      new Option(
        "--initial <way>",
        "first sync: compare checksums (verify), assume up to date (trust), or send everything (full)",
      ).choices(["verify", "trust", "full"]),
    )
    .option("--allow-empty", "allow an empty source folder (deletes all synced files)", false)
    .option(
      "--allow-deletes",
      "delete files that kinsync did not create (mirror: true) or that came from another folder, without a question",
      false,
    );
  return withCluster(target);
}

function append(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function durationOf(value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw new InvalidArgumentError("Write it as 90s, 2m or 500ms.");
  return milliseconds;
}

function outputOptions(flags: Flags): OutputOptions {
  return { json: flags.output === "json", color: flags.color !== false, debug: flags.debug === true };
}

function clusterOptions(flags: Flags): ClusterOptions {
  return {
    ...outputOptions(flags),
    namespace: flags.namespace,
    context: flags.context,
    kubeconfig: flags.kubeconfig,
    login: loginOverrides(flags),
    timeouts: requestTimeouts(flags),
    config: flags.config,
    profiles: flags.profile ?? [],
    selector: flags.selector,
  };
}

function syncOptions(flags: Flags): SyncOptions {
  return {
    ...clusterOptions(flags),
    sync: flags.sync ?? [],
    container: flags.container,
    roles: flags.role ?? [],
    initial: flags.initial,
    allowEmpty: flags.allowEmpty === true,
    allowDeletes: flags.allowDeletes === true,
    wait: flags.wait,
  };
}
