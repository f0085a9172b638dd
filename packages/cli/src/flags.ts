import { InvalidArgumentError, Option, type Command } from "commander";
import type { InitialSync } from "@kinsync/core/contract";
import { append, loginOverrides, requestTimeouts, withLogin, type LoginFlags } from "./setup/login-flags.ts";
import { MAX_TIMER_MS, parseDuration } from "./setup/parse-duration.ts";
import type { ClusterOptions, OutputOptions, SyncOptions } from "./setup/options.ts";

/** Flags as commander gives them. */
export interface Flags extends LoginFlags {
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
  readonly history?: boolean;
  readonly logs?: boolean;
  readonly keep?: boolean;
  readonly dryRun?: boolean;
  readonly exitCode?: boolean;
}

export function withOutput(target: Command): Command {
  return target
    .addOption(new Option("-o, --output <format>", "how to print: text, or JSON lines").choices(["text", "json"]))
    .option("--no-color", "no colors (NO_COLOR does the same)")
    .option("--debug", "print the stack of an error", false);
}

export function withConfig(target: Command): Command {
  return target
    .option("--config <file>", "config file. Default: kinsync.config.* here or above")
    .option("--profile <name>", "profile of the config; may be repeated", append);
}

export function withCluster(target: Command): Command {
  target
    .option("-n, --namespace <name>", "namespace. Default: that of the context")
    .option("--context <name>", "context of the kubeconfig; naming it allows writing")
    .option(
      "--kubeconfig <file>",
      "kubeconfig. Default: KUBECONFIG, else ~/.kube/config, else the service account of the pod",
    )
    .option("-l, --selector <labels>", "only workloads with these labels, as kubectl writes them: app=web,tier!=cache");
  return withOutput(withLogin(withConfig(target)));
}

export function withSync(target: Command): Command {
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

export function durationOf(value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw new InvalidArgumentError("Write it as 90s, 2m or 500ms.");
  return milliseconds;
}

/** A limit of time: one that a timer cannot keep is as good as none. */
export function limitOf(value: string): number {
  return Math.min(durationOf(value), MAX_TIMER_MS);
}

export function outputOptions(flags: Flags): OutputOptions {
  return { json: flags.output === "json", color: flags.color !== false, debug: flags.debug === true };
}

export function clusterOptions(flags: Flags): ClusterOptions {
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

export function syncOptions(flags: Flags): SyncOptions {
  return {
    ...clusterOptions(flags),
    sync: flags.sync ?? [],
    container: flags.container,
    roles: flags.role ?? [],
    initial: flags.initial,
    allowEmpty: flags.allowEmpty === true,
    allowDeletes: flags.allowDeletes === true,
    wait: flags.wait,
    history: flags.history !== false,
    logs: flags.logs === true,
  };
}
