import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { ask, type AskOptions } from "./ask.ts";
import { formatStatus } from "./format-status.ts";

/** Shows what a running `up` knows of its targets. */
export async function runStatus(options: AskOptions, io: Io): Promise<number> {
  const paint = createPaint(io.stdout, io.env, options.color);
  const { workloads } = await ask(
    options,
    io,
    (client, selection) => client.ask<"status">({ command: "status", ...selection }, io.signal),
    (result) => result.workloads.flatMap((each) => formatStatus(each, paint)),
  );
  const targets = workloads.flatMap((each) => each.targets);
  if (targets.length === 0) return EXIT.nothing;
  return targets.every(({ status }) => status === "synced") ? EXIT.done : EXIT.behind;
}
