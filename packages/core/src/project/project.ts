import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { CleanResult, LeftBehind } from "../engine/clean/clean-types.ts";
import type { LookOptions } from "../engine/dry-run/dry-run.ts";
import type { Comparison } from "../engine/dry-run/plan-target.ts";
import type { OpenTarget, PlannedWorkload } from "../engine/dry-run/plan-types.ts";
import type { EngineEvent } from "../engine/events.ts";
import type { Engine, EngineOptions, RunResult } from "../engine/options.ts";
import type { ResolvedWorkload } from "../engine/resolved-workload.ts";
import type { PluginRegistry } from "../plugins/registry.ts";
import { openCache } from "./open-cache.ts";
import { openCluster } from "./open-cluster.ts";
import { AllowedDeletesFile } from "./allowed-deletes.ts";
import { writerFor, type ApiConsents } from "./api-consents.ts";
import { checkContextAllowed } from "./consent.ts";
import type { OpenProjectOptions } from "./options.ts";
import { defaultOwner } from "./owner.ts";
import type { NeededPermission } from "./permissions.ts";
import { checkTransports, planReads, planWrites } from "./plan.ts";
import type { ApplyReload, ReloadReport } from "./reload.ts";
import { readSettings, type Settings } from "./settings.ts";
import type { ProjectPlan, ProjectWorkload } from "./workloads.ts";

/** What a run may be given besides the project. */
export interface ProjectRunOptions {
  /** Id of the run, for the markers in the containers. Default: a random UUID. */
  readonly runId?: string | undefined;
  /** Who runs it, for people; for the markers. Default: `user@host`. */
  readonly owner?: string | undefined;
  /** See `EngineOptions.wait`. Default: 60,000. */
  readonly wait?: number | undefined;
  /** Sync an empty source folder, which deletes all synced files. Default: `false`. */
  readonly allowEmpty?: boolean | undefined;
  /**
   * Delete what kinsync did not create where `mirror` says so, and what a run from another folder placed, without a question. For this run
   * alone. Default: `false`.
   */
  readonly allowDeletes?: boolean | undefined;
  /**
   * Asks the user about such deletes, once for each mapping and list of paths. A yes is remembered in the user's state folder
   * (`XDG_STATE_HOME`) for the same cluster, workload and container path and these paths. Default: the mapping halts.
   */
  readonly onDeletes?: EngineOptions["onDeletes"] | undefined;
  /**
   * Keep copies of the files that are synced, in the user's cache folder (`XDG_CACHE_HOME`), for `undo` and for pods that start while newer
   * files wait. Only `up` does. Default: `true`.
   */
  readonly history?: boolean | undefined;
  /** Ends the run. Default: none. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: EngineEvent) => void) | undefined;
  /** See `EngineOptions.onMembers`. */
  readonly onMembers?: EngineOptions["onMembers"] | undefined;
  /** Called with the engine before it runs, for its `view`. */
  readonly onStart?: ((engine: Engine) => void) | undefined;
  /** Called with all workloads that the run has from now on, before a change of the config file is applied. */
  readonly onWorkloads?: ((workloads: readonly ResolvedWorkload[]) => void) | undefined;
  /**
   * Called when `up` noticed a change of the config or of a file of rules, with what it did. Without it, such changes have no effect.
   */
  readonly onReload?: ((report: ReloadReport) => void) | undefined;
}

/** What a plan may be given besides the project. */
export interface ProjectPlanOptions {
  /** An empty source folder is intended. Default: `false`. */
  readonly allowEmpty?: boolean | undefined;
  /**
   * What of a container is read. `plan`: what a first sync reads, by each mapping's `initial`; `files`: the digest of every file, whatever
   * `initial` says; `markers`: only which run wrote there last, and nothing is compared. Default: `plan`.
   */
  readonly compare?: Comparison | undefined;
  /** Called with each container that could be compared, while its session is open. Default: none. */
  readonly onTarget?: ((target: OpenTarget) => Promise<void>) | undefined;
  /** Ends the plan. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What a clean-up may be given besides the project. */
export interface ProjectCleanOptions {
  /** Keep the placed files, and remove the state directories alone. Default: `false`. */
  readonly stateOnly?: boolean | undefined;
  /** Called once with everything that would be removed; nothing is removed without a yes. */
  readonly confirm: (left: readonly LeftBehind[]) => Promise<boolean>;
  /** Ends the clean-up. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Loads the engine while the API server answers: most of its modules take longer than the answer. Nothing loads it where there is none. */
function loadEngine(): void {
  // The run, which needs it, reports a failure.
  setImmediate(() => void import("../engine/engine.ts").catch(() => undefined));
}

/** Runs an engine to its end and disposes of it. */
async function runEngine(options: EngineOptions, onStart: ProjectRunOptions["onStart"]): Promise<RunResult> {
  const { createEngine } = await import("../engine/engine.ts");
  const engine = createEngine(options);
  try {
    onStart?.(engine);
    return await engine.run();
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

/** Config, plugins, cluster and workloads, checked and found: ready for the engine. */
export interface Project extends AsyncDisposable {
  /** Name of the config file; `undefined` where none was read. */
  readonly file: string | undefined;
  readonly cluster: ClusterConnection;
  readonly registry: PluginRegistry;
  /** Without mappings where the project was opened with `access: "read"` or `"check"`. */
  readonly workloads: readonly ProjectWorkload[];
  /** What a person should know: which file is not used as config, which plugin replaces a built-in one. */
  readonly notes: readonly string[];
  /** What the API server must allow for a run; with `access: "read"`, for reading the workloads. */
  readonly permissions: readonly NeededPermission[];
  /** Brings the targets up to date once. Resolves when that is done or cannot be. */
  sync(options?: ProjectRunOptions): Promise<RunResult>;
  /** Keeps the targets up to date until the signal. */
  up(options: ProjectRunOptions & { readonly signal: AbortSignal }): Promise<RunResult>;
  /** What `sync` would do now, by workload. Reads the containers, and changes nothing in them. */
  plan(options?: ProjectPlanOptions): Promise<readonly PlannedWorkload[]>;
  /** Removes what kinsync left in the containers: the files that its manifests list, and its state directories. */
  clean(options: ProjectCleanOptions): Promise<CleanResult>;
  /** Closes the connection to the cluster, unless it was handed in. The same as `await using`. */
  close(): Promise<void>;
}

/**
 * Opens a project: reads and checks the config, chooses its workloads, loads its plugins, connects to the cluster, checks that
 * the context may be written to, and finds the workloads. Nothing is written before `sync` or `up`.
 *
 * Rejects with errors of the areas USAGE, CONFIG, PLUGIN, SOURCE, CLUSTER and RESOLVE; with `KINSYNC_CLUSTER_CONTEXT_REFUSED`
 * where the context is neither local, nor named by `context`, nor listed in `contexts` of the config.
 *
 * @example
 * const inline = { workloads: [{ workload: "deploy/web", sync: [{ from: "src", to: "/app/src" }] }] };
 * const project = await openProject({ inline, plugins: [deployment(), exec()], context: "kind-dev", cwd, env });
 * const { outcome } = await project.sync({ onEvent: console.log }).finally(() => project.close());
 */
export async function openProject(options: OpenProjectOptions): Promise<Project> {
  const signal = options.signal ?? new AbortController().signal;
  const settings = await readSettings(options, signal);
  if (settings.notes.length > 0) options.onStep?.({ step: "config", notes: settings.notes });
  try {
    return await openWith(settings, options, signal);
  } catch (error) {
    settings.close();
    throw error;
  }
}

async function openWith(settings: Settings, options: OpenProjectOptions, signal: AbortSignal): Promise<Project> {
  const { access = "write", onStep } = options;
  if (access === "read" || access === "check") {
    const plans = await planReads(options, settings);
    const reads = plans.map(({ transports, forward, ...plan }) => ({
      ...plan,
      mappings: [],
      run: [],
      restart: undefined,
      mode: "auto" as const,
      forward: access === "check" ? forward : [],
      transports: access === "check" ? transports : [],
    }));
    return await connect(reads, settings, await settings.registry(), options, signal);
  }
  const plans = await planWrites(options, settings);
  onStep?.({ step: "planned", workloads: plans });
  const registry = await settings.registry();
  await checkTransports(plans, registry, settings.config);
  onStep?.({ step: "plugins", registry });
  return await connect(plans, settings, registry, options, signal);
}

async function connect(
  plans: readonly ProjectPlan[],
  settings: Settings,
  registry: PluginRegistry,
  options: OpenProjectOptions,
  signal: AbortSignal,
): Promise<Project> {
  // Loaded here, so that what comes before is shown first: the API server and the engine bring most modules.
  const [{ findProjectWorkloads }, { neededPermissions }, { followConfig }] = await Promise.all([
    import("./workloads.ts"),
    import("./permissions.ts"),
    import("./reload.ts"),
  ]);
  const context = options.context ?? settings.config.context;
  const isWriting = (options.access ?? "write") === "write";
  const cluster =
    options.cluster ?? (await openCluster(settings.config, options, signal, isWriting ? loadEngine : undefined));
  async function close(): Promise<void> {
    settings.close();
    if (options.cluster === undefined) await cluster[Symbol.asyncDispose]();
  }
  try {
    if (isWriting) {
      const allowed = settings.config.contexts ?? [];
      checkContextAllowed({ context: cluster.context, named: context, allowed });
      cluster.expectSockets?.();
    }
    options.onStep?.({ step: "connected", cluster });
    const workloads = await findProjectWorkloads({ cluster, kinds: registry.kinds, plans, options, signal });
    const permissions = await neededPermissions(workloads, registry.kinds, registry.transports);
    const consents = new AllowedDeletesFile(options.env, cluster.server);
    const apiConsents: ApiConsents = { writesApi: settings.config.writesApi };
    const start = async (mode: EngineOptions["mode"], run: ProjectRunOptions): Promise<RunResult> => {
      const { onReload, onStart, onWorkloads } = run;
      let following: Disposable | undefined;
      const began = (engine: Engine): void => {
        onStart?.(engine);
        if (mode === "once" || onReload === undefined || settings.path === undefined) return;
        const context = { options, settings, registry, cluster, consents: apiConsents };
        const apply: ApplyReload = (all, kinds) => {
          onWorkloads?.(all);
          return engine.commands.setWorkloads(all, kinds);
        };
        following = followConfig(context, apply, onReload);
      };
      const kept = mode === "watch" && run.history !== false ? await openCache(options.env) : undefined;
      const ended = runEngine(
        {
          cluster,
          kinds: registry.kinds,
          transports: registry.transports,
          writerFor: writerFor(cluster, apiConsents),
          workloads,
          mode,
          runId: run.runId ?? randomUUID(),
          owner: run.owner ?? defaultOwner(),
          ...(run.wait === undefined ? {} : { wait: run.wait }),
          host: hostname(),
          allowEmpty: run.allowEmpty ?? false,
          ...(kept === undefined ? {} : { kept }),
          deletes: run.allowDeletes === true ? "allow" : "ask",
          allowedDeletes: await consents.read(),
          ...(run.onDeletes === undefined ? {} : { onDeletes: remembering(run.onDeletes, consents) }),
          signal: run.signal ?? new AbortController().signal,
          onEvent: run.onEvent ?? (() => undefined),
          ...(run.onMembers === undefined ? {} : { onMembers: run.onMembers }),
        },
        began,
      );
      try {
        return await ended;
      } finally {
        following?.[Symbol.dispose]();
        await kept?.[Symbol.asyncDispose]();
      }
    };
    const lookOptions = (stop = new AbortController().signal): LookOptions => ({
      cluster,
      kinds: registry.kinds,
      transports: registry.transports,
      writerFor: writerFor(cluster, apiConsents),
      workloads: workloads.map((workload) => ({ ...workload, kind: workload.found.kind })),
      runId: randomUUID(),
      owner: defaultOwner(),
      host: hostname(),
      signal: stop,
    });
    return {
      file: settings.file,
      cluster,
      registry,
      workloads,
      notes: [...settings.notes, ...registry.notes],
      permissions,
      sync: (run = {}) => start("once", run),
      up: (run) => start("watch", run),
      plan: async ({ allowEmpty = false, compare = "plan", onTarget, signal: stop } = {}) => {
        const { dryRun } = await import("../engine/dry-run/dry-run.ts");
        return await dryRun({ ...lookOptions(stop), allowEmpty, compare, onTarget });
      },
      clean: async ({ stateOnly = false, confirm, signal: stop }) => {
        const { clean } = await import("../engine/clean/clean.ts");
        return await clean({ ...lookOptions(stop), stateOnly, confirm });
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Asks, and remembers a yes. */
function remembering(ask: NonNullable<EngineOptions["onDeletes"]>, consents: AllowedDeletesFile): typeof ask {
  return async (request, signal) => {
    const isAllowed = await ask(request, signal);
    const { workload, namespace, to, relativePaths: paths } = request;
    if (isAllowed && !signal.aborted) await consents.add({ workload, namespace, to, paths });
    return isAllowed;
  };
}
