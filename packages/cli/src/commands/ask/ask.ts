import { connectToRun } from "../../control/choose-run.ts";
import type { ControlClient } from "../../control/client.ts";
import type { Selection } from "../../control/protocol.ts";
import type { Io } from "../../io.ts";
import { cleanData } from "../../render/text.ts";
import type { OutputOptions } from "../../setup/options.ts";

/** Which run to ask, and about what. */
export interface AskOptions extends OutputOptions {
  readonly run: string | undefined;
  readonly workload: string | undefined;
  readonly namespace: string | undefined;
  readonly context: string | undefined;
}

/** Asks a running `up`, and prints the answer: one JSON object, or lines. */
export async function ask<Result extends object>(
  options: AskOptions,
  io: Io,
  question: (client: ControlClient, selection: Selection) => Promise<Result>,
  format: (result: Result) => readonly string[],
): Promise<Result> {
  const { run, workload, namespace, context, json } = options;
  using client = await connectToRun({ run, workload, namespace, context, cwd: io.cwd, env: io.env });
  const result = await question(client, {
    ...(workload === undefined ? {} : { workload }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  if (json) io.stdout.write(`${JSON.stringify(cleanData(result))}\n`);
  else for (const line of format(result)) io.stdout.write(`${line}\n`);
  return result;
}
