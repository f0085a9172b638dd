import type { Engine, EngineEvent, NoteEvent, ResolvedWorkload } from "@kinsync/core";
import type { ProjectRunOptions, ReloadReport, RunResult, WorkloadPlan } from "@kinsync/core/project";
import type { KinsyncError } from "@kinsync/core/contract";
import { parseMappingFlag } from "@kinsync/core/config";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createReporter } from "../render/choose.ts";
import { createPaint } from "../render/color.ts";
import { createDeletesQuestion } from "../render/deletes-question.ts";
import { openControl, type Control } from "../control/open-control.ts";
import type { NamedWorkload } from "../render/workload-names.ts";
import type { SyncOptions } from "../setup/options.ts";
import { projectOptions } from "../setup/project.ts";

export interface Syncing {
  readonly command: "up" | "sync";
  /** As named on the command line; none: all of the config. */
  readonly workloads: readonly string[];
  readonly options: SyncOptions;
  readonly io: Io;
}

/** Problems that end `sync`, if they do not disappear. */
const HELD = /^KINSYNC_(?:RESOLVE_|CLUSTER_FORBIDDEN$)/;

/** What `up` and `sync` have in common: opens the project, runs it, and shows both. */
export async function runSyncing({ command, workloads, options, io }: Syncing): Promise<RunResult> {
  const mappings = options.sync.map(parseMappingFlag);
  const quit = new AbortController();
  const signal = AbortSignal.any([io.signal, quit.signal]);
  const reporter = await createReporter(options, io, () => quit.abort());
  let control: Control | undefined;
  try {
    // The first line is there before anything that may take long: a config's imports, credentials, the cluster.
    const isStarted = workloads.length > 0 && mappings.length > 0;
    if (isStarted) {
      const rules = mappings.map(({ from, to }) => `${from} -> ${to}`).join(", ");
      reporter.start({ command, lines: workloads.map((workload) => `${workload}: ${rules}`) });
    }
    const { openProject } = await import("@kinsync/core/project");
    let planned: readonly WorkloadPlan[] = [];
    const { sync, container, roles, initial, allowEmpty, allowDeletes, wait, history } = options;
    await using project = await openProject({
      ...projectOptions(options, io, { workloads, sync, container, roles, initial }, reporter),
      // `sync` is for workloads that exist; `up` may be started first.
      ...(command === "up" ? { onMissing: (missing) => reporter.note(waitingNote(missing), "missing") } : {}),
      onStep: (step) => {
        switch (step.step) {
          case "config":
            for (const note of step.notes) reporter.note(note, "config");
            break;
          case "planned":
            planned = step.workloads;
            if (!isStarted) reporter.start({ command, lines: planned.map((each) => planLine(each, planned)) });
            break;
          case "plugins":
            for (const note of step.registry.notes) reporter.note(note, "plugin");
            break;
          case "connected":
            reporter.cluster(
              step.cluster.context,
              step.cluster.server,
              planned[0]?.namespace ?? step.cluster.namespace,
            );
        }
      },
    });
    await reporter.prepare();
    // `sync` ends with such a problem as its error, unless it disappears within seconds: shown as a note, too, it would be said twice.
    const held: NoteEvent[] = [];
    const isHeld = (event: EngineEvent): event is NoteEvent =>
      command === "sync" && !options.json && event.event === "note" && HELD.test(event.code);
    const logs = options.logs
      ? new (await import("./logs/run-logs.ts")).RunLogs({
          cluster: project.cluster,
          reporter,
          json: options.json,
          roles,
          container,
          signal,
          paint: createPaint(io.stdout, io.env, options.color),
        })
      : undefined;
    const forwards =
      command === "up" && project.workloads.some(({ forward }) => forward.length > 0)
        ? await (await import("./forward/run-forwards.ts")).openRunForwards({ project, reporter, signal, options, io })
        : undefined;
    await using _forwards = forwards;
    const run = {
      wait,
      history,
      allowEmpty,
      allowDeletes,
      onDeletes: createDeletesQuestion(options, io, reporter),
      signal,
      onEvent: (event: EngineEvent) => {
        if (isHeld(event)) held.push(event);
        else reporter.event(event);
        logs?.event(event);
        control?.observe(event);
      },
      onWorkloads: (all: readonly ResolvedWorkload[]) => reporter.rename(namesOf(all)),
      onMembers: (...changed: Parameters<NonNullable<ProjectRunOptions["onMembers"]>>) => {
        logs?.members(changed[0], changed[1]);
        forwards?.members(...changed);
      },
      onReload: ({ message }: ReloadReport) => reporter.note(message, "config"),
      onStart: (engine: Engine) => {
        reporter.attach(engine, namesOf(project.workloads));
        if (command === "up") {
          control = openControl({
            engine,
            io,
            context: project.cluster.context,
            onNote: (text) => reporter.note(text, "control"),
          });
        }
      },
    };
    const result = command === "up" ? await project.up(run) : await project.sync(run);
    const { problem } = result.outcome;
    for (const event of held) if (event.reason !== problem?.message) reporter.event(event);
    if (problem !== undefined) throw problem;
    reporter.end(result.summaries);
    if (command === "sync") for (const step of nextSteps(result)) reporter.note(step, "next");
    return result;
  } catch (error) {
    reporter.abandon();
    throw error;
  } finally {
    await control?.close();
  }
}

/** What to do next, where the lines above only say what is. */
function nextSteps({ outcome, summaries }: RunResult): readonly string[] {
  const isRepeated = (workload: string): boolean => summaries.filter((each) => each.workload === workload).length > 1;
  const commands = summaries
    .filter(({ targets }) => targets === 0)
    .map(
      ({ workload, namespace }) => `\`kinsync explain ${workload}${isRepeated(workload) ? ` -n ${namespace}` : ""}\``,
    );
  return [
    ...(outcome.exitCode === EXIT.nothing
      ? [`${commands.join(", ")} shows each pod and why it gets no files; --wait gives containers more time to start`]
      : []),
    ...(summaries.some(({ failedRuns }) => failedRuns > 0)
      ? ["a failed command runs again with the next `kinsync sync`, or after the next change of its files"]
      : []),
  ];
}

function namesOf(workloads: readonly Pick<ResolvedWorkload, "name" | "ref">[]): readonly NamedWorkload[] {
  return workloads.map(({ name, ref }) => ({ workload: name, namespace: ref.namespace }));
}

/** A workload that does not exist yet. */
function waitingNote({ message, hint }: KinsyncError): string {
  return `waiting for a workload: ${message}. ${hint}`;
}

function planLine(plan: WorkloadPlan, all: readonly WorkloadPlan[]): string {
  const isRepeated = all.filter(({ workload }) => workload === plan.workload).length > 1;
  const name = isRepeated ? `${plan.workload} (${plan.namespace ?? "namespace of the context"})` : plan.workload;
  return `${name}: ${plan.mappings.map(({ fromText, to }) => `${fromText} -> ${to}`).join(", ")}`;
}
