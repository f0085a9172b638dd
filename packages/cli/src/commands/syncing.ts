import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import type { EngineEvent, EngineView, ResolvedWorkload, SummaryEvent } from "@kinsync/core";
import type { ClusterConnection, KindPlugin } from "@kinsync/core/contract";
import { KinsyncError } from "@kinsync/core/contract";
import { nearest, parseMappingFlag } from "@kinsync/core/config";
import type { PluginRegistry, WorkloadPlan } from "@kinsync/core/config";
import type { Io } from "../io.ts";
import { createReporter } from "../render/choose.ts";
import type { Reporter } from "../render/reporter.ts";
import { openCluster } from "../setup/cluster.ts";
import type { SyncOptions } from "../setup/options.ts";
import { checkTransports, loadSettings, planWorkloads } from "../setup/plan.ts";

export interface Syncing {
  readonly command: "up" | "sync";
  /** As named on the command line. */
  readonly workload: string | undefined;
  readonly options: SyncOptions;
  readonly io: Io;
}

/** Milliseconds that `sync` gives members a chance to appear that have a role or a container which none has yet. */
const APPEARANCE = 5_000;

/** What `up` and `sync` have in common: config, cluster, engine. Gives how it ended. */
export async function runSyncing({ command, workload, options, io }: Syncing): Promise<readonly SummaryEvent[]> {
  const flags = options.sync.map(parseMappingFlag);
  const reporter = await createReporter(options, io);
  try {
    const early = workload !== undefined && options.sync.length > 0;
    // The first line is there before anything that may take long: a config's imports, credentials, the cluster.
    if (early)
      reporter.start({
        command,
        lines: [`${workload}: ${flags.map(({ from, to }) => `${from} -> ${to}`).join(", ")}`],
      });
    const settings = await loadSettings(options, io);
    const plans = await planWorkloads(workload, settings, options, io);
    if (!early) reporter.start({ command, lines: plans.map(planLine) });
    const registry = await settings.plugins();
    checkTransports(plans, registry);
    for (const note of registry.notes) reporter.note(note);

    await using cluster = await openCluster(options, io, { writes: true, allowed: settings.contexts });
    reporter.cluster(cluster.context, cluster.server, plans[0]?.namespace ?? cluster.namespace);
    const workloads = await findWorkloads(cluster, registry.kinds, plans, io.signal);
    const summaries = await runEngine({
      command,
      options,
      io,
      reporter,
      cluster,
      workloads,
      registry,
    });
    reporter.end(summaries);
    return summaries;
  } catch (error) {
    reporter.abandon();
    throw error;
  }
}

interface EngineRun {
  readonly command: "up" | "sync";
  readonly options: SyncOptions;
  readonly io: Io;
  readonly reporter: Reporter;
  readonly cluster: ClusterConnection;
  readonly workloads: readonly ResolvedWorkload[];
  readonly registry: PluginRegistry;
}

async function runEngine(run: EngineRun): Promise<readonly SummaryEvent[]> {
  const { command, options, io, reporter, cluster, workloads, registry } = run;
  const { createEngine } = await import("@kinsync/core");
  const giveUp = new AbortController();
  let obstacle: KinsyncError | undefined;
  let timer: NodeJS.Timeout | undefined;

  function onEvent(event: EngineEvent): void {
    reporter.event(event);
    // `up` goes on: what is asked for may be made any time. `sync` has to end with an answer, and soon.
    if (command === "up" || timer !== undefined || !isObstacle(event)) return;
    const grace = Math.min(APPEARANCE, options.wait ?? APPEARANCE);
    timer = setTimeout(() => {
      obstacle = obstacleOf(workloads, engine.view());
      if (obstacle === undefined) timer = undefined;
      else giveUp.abort(obstacle);
    }, grace);
  }

  await using engine = createEngine({
    cluster,
    kinds: registry.kinds,
    transports: registry.transports,
    workloads,
    runId: randomUUID(),
    owner: ownerName(),
    mode: command === "up" ? "watch" : "once",
    ...(options.wait === undefined ? {} : { wait: options.wait }),
    allowEmpty: options.allowEmpty,
    signal: AbortSignal.any([io.signal, giveUp.signal]),
    onEvent,
  });
  reporter.attach(() => engine.view());
  try {
    const summaries = await engine.run();
    obstacle ??= command === "sync" && !io.signal.aborted ? obstacleOf(workloads, engine.view()) : undefined;
    if (obstacle !== undefined) throw obstacle;
    return summaries;
  } finally {
    clearTimeout(timer);
  }
}

/** What keeps a workload from having targets, and will not pass by waiting. */
function isObstacle(event: EngineEvent): boolean {
  return event.event === "note" && /^KINSYNC_(?:RESOLVE|CLUSTER)_/.test(event.code);
}

/** The obstacle as an error, if it is still there. */
function obstacleOf(workloads: readonly ResolvedWorkload[], view: EngineView): KinsyncError | undefined {
  for (const { name, resolution, targets } of view.workloads) {
    if (resolution === undefined) continue;
    const [problem] = resolution.problems;
    if (problem !== undefined && targets.length === 0) return problem;
    if (resolution.members.length === 0) continue;
    const mappings = workloads.find((workload) => workload.name === name)?.mappings ?? [];
    const roles = new Set(resolution.members.flatMap(({ role }) => role ?? []));
    const containers = new Set(resolution.members.flatMap(({ containers }) => containers.map((each) => each.name)));
    for (const mapping of mappings) {
      const role = mapping.roles?.find((each) => !roles.has(each));
      if (role !== undefined) return absent("ROLE", mapping.id, role, [...roles], name);
      const { container } = mapping;
      if (container !== undefined && !containers.has(container)) {
        return absent("CONTAINER", mapping.id, container, [...containers], name);
      }
    }
  }
  return undefined;
}

function absent(
  what: "CONTAINER" | "ROLE",
  mapping: string,
  wanted: string,
  there: readonly string[],
  workload: string,
): KinsyncError {
  const word = what.toLowerCase();
  const near = nearest(wanted, there);
  const known = there.length === 0 ? `its members have no ${word}s` : `there are ${there.toSorted().join(", ")}`;
  return new KinsyncError(`KINSYNC_RESOLVE_${what}`, `${mapping}: no member has the ${word} ${wanted}; ${known}`, {
    hint: near === undefined ? `See kinsync tree ${workload}.` : `Did you mean ${near}?`,
    details: { wanted, there },
  });
}

/** Looks all names up, side by side, and refuses two names for one workload. */
async function findWorkloads(
  cluster: ClusterConnection,
  kinds: readonly KindPlugin[],
  plans: readonly WorkloadPlan[],
  signal: AbortSignal,
): Promise<readonly ResolvedWorkload[]> {
  const { findWorkload } = await import("@kinsync/core");
  const found = await Promise.all(
    plans.map(async (plan) => {
      const { ref } = await findWorkload(cluster, kinds, plan.workload, {
        signal,
        ...(plan.namespace === undefined ? {} : { namespace: plan.namespace }),
      });
      return { name: plan.workload, ref, mappings: plan.mappings, run: plan.run };
    }),
  );
  const seen = new Map<string, string>();
  for (const { name, ref } of found) {
    const key = `${ref.resource.plural}.${ref.resource.group}/${ref.namespace}/${ref.name}`;
    const before = seen.get(key);
    if (before !== undefined) {
      throw new KinsyncError("KINSYNC_CONFIG_CONFLICT", `${before} and ${name} are one workload`, {
        hint: "Put the sync rules of one workload into one entry.",
      });
    }
    seen.set(key, name);
  }
  return found;
}

function planLine(plan: WorkloadPlan): string {
  return `${plan.workload}: ${plan.mappings.map(({ fromText, to }) => `${fromText} -> ${to}`).join(", ")}`;
}

/** `ada@laptop`, for the markers in the containers. */
function ownerName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A uid without an entry in the user database, as in some containers.
    return `uid ${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}
