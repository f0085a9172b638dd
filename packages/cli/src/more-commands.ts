import { Argument, Option, type Command } from "commander";
import type { Shell } from "./commands/completion/completion.ts";
import { clusterOptions, syncOptions, withCluster, withConfig, withOutput, withSync, type Flags } from "./flags.ts";
import type { Io } from "./io.ts";
import { append } from "./setup/login-flags.ts";

interface InitFlags extends Flags {
  readonly from?: string;
  readonly format?: "yaml" | "ts" | "json";
  readonly dockerfile?: string;
  readonly ignore?: readonly string[];
  readonly force?: boolean;
  readonly yes?: boolean;
}

interface RbacFlags extends Flags {
  readonly name?: string;
  readonly bindUser?: readonly string[];
  readonly bindGroup?: readonly string[];
  readonly bindServiceaccount?: readonly string[];
  readonly required?: boolean;
  readonly forward?: boolean;
}

/** Adds the commands that prepare, check and clean up: what comes before and after `up` and `sync`. */
export function addMoreCommands(program: Command, io: Io, finish: (code: number) => void): void {
  const init = program
    .command("init")
    .description("propose a config for this folder and the workloads of the namespace, and write it")
    .argument("[workloads...]", "as kubectl names them. Default: the only one of the namespace, or a question")
    .option("--sync <from:to>", "a sync rule, in place of the proposals; may be repeated", append)
    .option("--container <name>", "container of each member. Default: the pod's default container")
    .option("--ignore <pattern>", "a path to leave out, in gitignore syntax; may be repeated", append)
    .option("--dockerfile <file>", "propose the rules from this Dockerfile. Default: the one of this folder")
    .option("--from <file>", "take over the sync rules of a Tiltfile, skaffold.yaml or devspace.yaml")
    .addOption(new Option("--format <format>", "format of the file. Default: yaml").choices(["yaml", "ts", "json"]))
    .option("--force", "replace an existing config", false)
    .option("-y, --yes", "take every proposal, without a question", false)
    .action(async (workloads: readonly string[], flags: InitFlags) => {
      const { runInit } = await import("./commands/init/init.ts");
      const { sync = [], container, ignore = [], dockerfile, from, format, force = false, yes = false } = flags;
      const choice = { sync, container, ignore, dockerfile, from, format, force, yes };
      finish(await runInit(workloads, { ...clusterOptions(flags), ...choice }, io));
    });
  withCluster(init);

  const plan = program
    .command("plan")
    .description("show what `sync` would write, delete and run, and change nothing")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .option("--exit-code", "exit with 3 if a container differs from the local files", false)
    .action(async (workloads: readonly string[], flags: Flags) => {
      const { runPlan } = await import("./commands/plan/plan.ts");
      finish(await runPlan(workloads, { ...syncOptions(flags), exitCode: flags.exitCode === true }, io));
    });
  withSync(plan);

  const verify = program
    .command("verify")
    .description("compare the files of every container with the local ones, by digest")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .option("--fix", "sync where something differs, and compare again", false)
    .action(async (workloads: readonly string[], flags: Flags & { readonly fix?: boolean }) => {
      const { runVerify } = await import("./commands/verify/verify.ts");
      finish(await runVerify(workloads, { ...syncOptions(flags), fix: flags.fix === true }, io));
    });
  withSync(verify);

  const clean = program
    .command("clean")
    .description("remove what kinsync left in the containers: the files that it placed, and its .kinsync folders")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .option("--state-only", "keep the placed files, and remove the .kinsync folders alone", false)
    .option("-y, --yes", "remove without a question; the same as --allow-deletes", false)
    .action(
      async (workloads: readonly string[], flags: Flags & { readonly stateOnly?: boolean; readonly yes?: boolean }) => {
        const { runClean } = await import("./commands/clean/clean.ts");
        const options = syncOptions(flags);
        const allowed = flags.yes === true || options.allowDeletes;
        finish(await runClean(workloads, { ...options, stateOnly: flags.stateOnly === true, yes: allowed }, io));
      },
    );
  withSync(clean);

  program
    .command("wrapper")
    .description(
      "print a shell program for images and manifests, so that `restart` can restart the process of a container",
    )
    .action(async () => finish((await import("./commands/wrapper.ts")).runWrapper(io)));

  const doctor = program
    .command("doctor")
    .description("check config, login, rights and containers, and name the next step where something is wrong")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .action(async (workloads: readonly string[], flags: Flags) => {
      const { runDoctor } = await import("./commands/doctor/doctor.ts");
      finish(await runDoctor(workloads, syncOptions(flags), io));
    });
  withSync(doctor);

  const rbac = program
    .command("rbac")
    .description("print the least Role that up and sync need, for kubectl apply -f -")
    .argument("[workloads...]", "as kubectl names them. Default: all of the config")
    .option("--name <name>", "name of the roles and bindings", "kinsync")
    .option("--bind-user <name>", "bind them to this user; may be repeated", append)
    .option("--bind-group <name>", "bind them to this group; may be repeated", append)
    .option("--bind-serviceaccount <namespace:name>", "bind them to this service account; may be repeated", append)
    .option("--logs", "with the rule for `kinsync logs` and `up --logs`", false)
    .option("--forward", "with the rule for `kinsync forward` and `forward` of the config", false)
    .option("--required", "leave out the rules that kinsync can do without", false)
    .action(async (workloads: readonly string[], flags: RbacFlags) => {
      const { runRbac } = await import("./commands/rbac/rbac.ts");
      const {
        name = "kinsync",
        bindUser = [],
        bindGroup = [],
        bindServiceaccount = [],
        required = false,
        logs = false,
        forward = false,
      } = flags;
      const who = {
        name,
        users: bindUser,
        groups: bindGroup,
        serviceAccounts: bindServiceaccount,
        isRequiredOnly: required,
        logs,
        forward,
      };
      finish(await runRbac(workloads, { ...clusterOptions(flags), ...who }, io));
    });
  withCluster(rbac);

  const kinds = program
    .command("kinds")
    .description("list the kinds of workloads that kinsync knows: names, roles, what each of them reads")
    .action(async (flags: Flags) => {
      const { runKinds } = await import("./commands/kinds.ts");
      finish(await runKinds(clusterOptions(flags), io));
    });
  withOutput(withConfig(kinds));
  withCluster(
    kinds
      .command("new")
      .description(
        "print rules for a workload that no kind supports, as a start for a file in kinds/ beside the config",
      )
      .argument("<workload>", "as kubectl names it: studio/main")
      .action(async (workload: string, flags: Flags) => {
        const { runKindsNew } = await import("./commands/kinds-new.ts");
        finish(await runKindsNew(workload, clusterOptions(flags), io));
      }),
  );
  withOutput(
    withConfig(
      kinds
        .command("test")
        .description("check the files of rules of a folder against their cases: NAME.kind.yaml, fixtures/, histories/")
        .argument("<folder>", "folder with NAME.kind.yaml and fixtures/CASE/{objects,expected}.yaml")
        .action(async (folder: string, flags: Flags) => {
          const { runKindsTest } = await import("./commands/kinds-test.ts");
          finish(await runKindsTest(folder, clusterOptions(flags), io));
        }),
    ),
  );

  const config = program.command("config").description("check the config, or print it with all defaults");
  for (const [name, description] of [
    ["check", "check the config, its local paths and its plugins, without a cluster"],
    ["print", "print the config with every default, and where each value comes from"],
  ] as const) {
    const command = config
      .command(name)
      .description(description)
      .action(async (flags: Flags) => {
        const { runConfigCheck, runConfigPrint } = await import("./commands/config/config.ts");
        finish(await (name === "check" ? runConfigCheck : runConfigPrint)(clusterOptions(flags), io));
      });
    withOutput(withConfig(command));
  }

  program
    .command("completion")
    .description("print the script that completes command lines in a shell: see the reference for how to load it")
    .addArgument(
      new Argument("<shell>", "bash, zsh, fish or powershell").choices(["bash", "zsh", "fish", "powershell"]),
    )
    .action(async (shell: Shell) => {
      const { runCompletion } = await import("./commands/completion/completion.ts");
      finish(await runCompletion(shell, io));
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { runComplete } = await import("./commands/completion/complete.ts");
      finish(await runComplete(program, words, io));
    });
}
