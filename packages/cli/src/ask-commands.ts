import { InvalidArgumentError, type Command } from "commander";
import type { AskOptions } from "./commands/ask/ask.ts";
import { limitOf, outputOptions, syncOptions, withOutput, withSync, type Flags } from "./flags.ts";
import type { Io } from "./io.ts";
import { append } from "./setup/login-flags.ts";

interface AskFlags extends Flags {
  readonly run?: string;
  readonly file?: readonly string[];
  readonly to?: number;
  readonly snapshot?: number | "latest";
  readonly timeout?: number;
}

const WAIT_MS = 60_000;

/** Adds the commands that ask a running `up`, or give it orders. They read no config and connect to no cluster, but for `status` without a run. */
export function addAskCommands(program: Command, io: Io, finish: (code: number) => void): void {
  const add = (name: string, description: string, run: (flags: AskFlags, options: AskOptions) => Promise<number>) =>
    withOutput(
      program
        .command(name)
        .description(description)
        .argument("[workload]", "as the run names it: jobset/train. Default: all of the run")
        .option("-n, --namespace <name>", "namespace of the workload. Default: any")
        .option("--context <name>", "only a run with this context of the kubeconfig. Default: any")
        .option("--run <id>", "which run, where several fit")
        .action(async (workload: string | undefined, flags: AskFlags) => {
          const { namespace, context, run: id } = flags;
          finish(await run(flags, { ...outputOptions(flags), run: id, workload, namespace, context }));
        }),
    );

  const status = program
    .command("status")
    .description("show what a running `up` has brought where; without one, from the markers in the containers")
    .argument("[workload]", "as the run or the config names it: jobset/train. Default: all")
    .option("--run <id>", "which run, where several fit")
    .action(async (workload: string | undefined, flags: AskFlags) => {
      const { runStatus } = await import("./commands/ask/status.ts");
      const { namespace, context, run: id } = flags;
      const options = { ...outputOptions(flags), run: id, workload, namespace, context };
      finish(await runStatus(options, syncOptions(flags), io));
    });
  withSync(status);
  add("wait", "wait until every container holds the local files of now, or a snapshot", async (flags, options) => {
    const { runWait } = await import("./commands/ask/wait.ts");
    return await runWait({ ...options, snapshot: flags.snapshot ?? "latest", timeout: flags.timeout ?? WAIT_MS }, io);
  })
    .option("--snapshot <number>", "number of a snapshot, or latest. Default: latest", snapshotOf)
    .option("--timeout <duration>", "how long: 90s, 2m. Default: 60s", limitOf);
  add("trigger", "release changes that wait: in mode manual, while paused, after undo", async (flags, options) =>
    (await import("./commands/ask/release.ts")).runTrigger(flags.file ?? [], options, io),
  ).option("--file <path>", "only the changes of this file or folder; may be repeated", append);
  add("undo", "bring back the files of an earlier snapshot, in all containers", async (flags, options) =>
    (await import("./commands/ask/release.ts")).runUndo(flags.to, options, io),
  ).option("--to <number>", "number of the snapshot. Default: the one before", numberOf);
  add("dismiss", "let failed commands no longer count, in the status and for the next run", async (_, options) =>
    (await import("./commands/ask/dismiss.ts")).runDismiss(options, io),
  );
  add("history", "list the snapshots that a running `up` released", async (_, options) =>
    (await import("./commands/ask/history.ts")).runHistory(options, io),
  );
  add("events", "print the events of a running `up` as JSON lines, until it ends", async (_, options) =>
    (await import("./commands/ask/events.ts")).runEvents(options, io),
  );
  add("pause", "let changes wait until `kinsync resume`", async (_, options) =>
    (await import("./commands/ask/release.ts")).runHold("pause", options, io),
  );
  add("resume", "end `kinsync pause`, and release what collected", async (_, options) =>
    (await import("./commands/ask/release.ts")).runHold("resume", options, io),
  );
}

function numberOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("Write a number, as `kinsync history` shows it.");
  return Number(value);
}

function snapshotOf(value: string): number | "latest" {
  return value === "latest" ? value : numberOf(value);
}
