import type { ForwardEvent } from "@kinsync/core";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { problemNotes } from "../../render/problem-notes.ts";
import { readWorkload } from "../../setup/read-workload.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { ForwardFormat, jsonOf } from "./format-event.ts";
import { parsePorts } from "./parse-ports.ts";

export interface ForwardOptions extends ClusterOptions {
  readonly role: string | undefined;
  readonly index: string | undefined;
  readonly address: string | undefined;
}

/** Opens local ports until Ctrl-C. Changes no object. */
export async function runForward(
  workload: string,
  ports: readonly string[],
  options: ForwardOptions,
  io: Io,
): Promise<number> {
  const { role, index, address } = options;
  const rules = ports.map((each) => ({ ...parsePorts(each), role, index, address }));
  const { openForwards, watchWorkload } = await import("@kinsync/core");
  const format = new ForwardFormat();
  return await readWorkload(workload, options, io, async (reader) => {
    const { cluster, found } = reader;
    const { namespace } = found.ref;
    const onEvent = (event: ForwardEvent): void => {
      const text = options.json ? JSON.stringify(jsonOf(event, { workload, namespace })) : format.line(event);
      if (text !== undefined) io.stdout.write(`${text}\n`);
    };
    await using forwards = await openForwards({ cluster, rules, signal: io.signal, onEvent });
    const report = problemNotes(io);
    await using _watch = watchWorkload({
      ...reader,
      ref: found.ref,
      kind: found.kind,
      signal: io.signal,
      onResolution: (resolution) => {
        report(resolution.problems);
        forwards.update(resolution);
      },
    });
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      io.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return EXIT.interrupted;
  });
}
