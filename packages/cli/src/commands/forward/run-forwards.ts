import type { ForwardEvent, Forwards, MemberChange, Resolution, ResolvedWorkload } from "@kinsync/core";
import { openForwards } from "@kinsync/core";
import type { Project } from "@kinsync/core/project";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import type { Reporter } from "../../render/reporter.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { ForwardFormat, jsonOf } from "./format-event.ts";

export interface RunForwardsOptions {
  readonly project: Project;
  readonly reporter: Reporter;
  readonly options: SyncOptions;
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** The open ports of an `up`. */
export interface RunForwards extends AsyncDisposable {
  members(workload: ResolvedWorkload, changes: readonly MemberChange[], resolution: Resolution): void;
}

/** Opens the ports of the config's `forward`. Rejects with `KINSYNC_FORWARD_LOCAL`, before anything is synced. */
export async function openRunForwards(run: RunForwardsOptions): Promise<RunForwards> {
  const { project, reporter, options, io, signal } = run;
  const paint = createPaint(io.stdout, io.env, options.color);
  const open = new Map<string, Forwards>();
  const close = async (): Promise<void> => {
    await Promise.all([...open.values()].map((each) => each[Symbol.asyncDispose]()));
  };
  try {
    for (const { name, ref, forward } of project.workloads) {
      if (forward.length === 0) continue;
      const format = new ForwardFormat();
      const onEvent = (event: ForwardEvent): void => {
        const text = options.json
          ? JSON.stringify(jsonOf(event, { workload: name, namespace: ref.namespace }))
          : format.line(event);
        if (text !== undefined) void reporter.log(options.json ? text : `${paint("cyan", "forward")}: ${text}`);
      };
      const forwards = await openForwards({ cluster: project.cluster, rules: forward, signal, onEvent });
      open.set(`${ref.namespace}/${name}`, forwards);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    members: ({ name, ref }, _changes, resolution) => open.get(`${ref.namespace}/${name}`)?.update(resolution),
    [Symbol.asyncDispose]: close,
  };
}
