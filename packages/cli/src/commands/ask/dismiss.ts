import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { clean } from "../../render/text.ts";
import { ask, type AskOptions } from "./ask.ts";

/** Lets failed commands of `run` and `restart` no longer count. */
export async function runDismiss(options: AskOptions, io: Io): Promise<number> {
  await ask(
    options,
    io,
    (client, selection) => client.ask<"dismiss">({ command: "dismiss", ...selection }, io.signal),
    ({ dismissed }) =>
      dismissed.length === 0
        ? ["no command has failed"]
        : dismissed.map(({ workload, namespace, target }) =>
            clean(`${workload} in namespace ${namespace}: dismissed the failed commands of ${target}`),
          ),
  );
  return EXIT.done;
}
