import { connectToRun } from "../../control/choose-run.ts";
import { isSelected } from "../../control/selection.ts";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { cleanData } from "../../render/text.ts";
import type { AskOptions } from "./ask.ts";

/** Prints the events of a running `up` as JSON lines, until it ends. */
export async function runEvents({ run, workload, namespace, context }: AskOptions, io: Io): Promise<number> {
  using client = await connectToRun({ run, workload, namespace, context, cwd: io.cwd, env: io.env });
  await client.events((event) => {
    const isMeant = !("workload" in event) || isSelected({ workload, namespace }, event);
    if (isMeant) io.stdout.write(`${JSON.stringify(cleanData(event))}\n`);
  }, io.signal);
  return EXIT.done;
}
