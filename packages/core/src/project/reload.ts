import { setTimeout as pause } from "node:timers/promises";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { KinsyncConfig } from "../contract/config.ts";
import type { ResolvedWorkload } from "../engine/resolved-workload.ts";
import type { ChangedWorkload, WorkloadChanges } from "../engine/workload-changes.ts";
import { asKinsyncError, type KinsyncError } from "../errors/error.ts";
import type { KindEntry } from "../plugins/host.ts";
import type { PluginRegistry } from "../plugins/registry.ts";
import { rulesOf } from "../plugins/rules-entry.ts";
import type { ApiConsents } from "./api-consents.ts";
import { checkContextAllowed } from "./consent.ts";
import { changedPaths, shownRules, stampsOf, type Stamps } from "./followed-files.ts";
import type { OpenProjectOptions } from "./options.ts";
import { checkTransports, planWrites } from "./plan.ts";
import { readSettings, type Settings } from "./settings.ts";
import { findProjectWorkloads } from "./workloads.ts";

/** Time between two looks at the files of the config. A change counts when two looks in a row see the same. */
const INTERVAL_MS = 250;
/** Time for reading the new config and for finding its workloads. */
const RELOAD_MS = 60_000;

/** What `up` did about a change of the config. */
export interface ReloadReport {
  /** Name of the config file, or of the file of rules that changed. */
  readonly file: string;
  /** One line for people. */
  readonly message: string;
  /** Absent where the new config or its rules have an error. */
  readonly changes?: WorkloadChanges;
  /** Why the former config and rules stay in use. */
  readonly error?: KinsyncError;
}

export interface ReloadContext {
  readonly options: OpenProjectOptions;
  /** As the project was opened. */
  readonly settings: Settings;
  readonly registry: PluginRegistry;
  readonly cluster: ClusterConnection;
  /** Renewed with each config that is applied. */
  readonly consents: ApiConsents;
}

/** Gives a run its workloads and kinds. */
export type ApplyReload = (
  workloads: readonly ResolvedWorkload[],
  kinds: readonly KindEntry[],
) => Promise<WorkloadChanges>;

/**
 * Follows the files of a config and of its rules. Each change is read, checked and applied; a file with an error changes nothing. Ends when
 * it is disposed of.
 */
export function followConfig(
  context: ReloadContext,
  apply: ApplyReload,
  onReload: (report: ReloadReport) => void,
): Disposable {
  const stop = new AbortController();
  void follow(new Reloader(context, apply), onReload, stop.signal);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function follow(
  reloader: Reloader,
  onReload: (report: ReloadReport) => void,
  signal: AbortSignal,
): Promise<void> {
  let applied = await reloader.stamps();
  let seen = applied;
  while (await isStillNeeded(signal)) {
    const now = await reloader.stamps();
    const isSettled = changedPaths(seen, now).length === 0;
    seen = now;
    const changed = changedPaths(applied, now);
    if (changed.length === 0 || !isSettled) continue;
    const report = await reloader.reload(changed, signal);
    if (signal.aborted) return;
    // The config may name or import other files now.
    const paths = await reloader.stamps();
    applied = seen = new Map([...paths].map(([path, stamp]) => [path, now.get(path) ?? stamp]));
    onReload(report);
  }
}

/** Waits until the next look; false at the end. */
function isStillNeeded(signal: AbortSignal): Promise<boolean> {
  return pause(INTERVAL_MS, true, { signal }).catch(() => false);
}

/** Reads, checks and applies a changed config. */
class Reloader {
  readonly #context: ReloadContext;
  readonly #apply: ApplyReload;
  #edition = 0;
  /** The config as it was last read. */
  #settings: Settings;
  /** In use. */
  #registry: PluginRegistry;

  constructor(context: ReloadContext, apply: ApplyReload) {
    this.#context = context;
    this.#apply = apply;
    this.#settings = context.settings;
    this.#registry = context.registry;
  }

  stamps(): Promise<Stamps> {
    return stampsOf(this.#settings.files, this.#settings);
  }

  /** @param changed absolute paths */
  async reload(changed: readonly string[], signal: AbortSignal): Promise<ReloadReport> {
    const { settings } = this.#context;
    const rules = changed.filter((path) => !settings.files.includes(path) && !this.#settings.files.includes(path));
    const isRules = rules.length === changed.length;
    const file = isRules ? rules.map((path) => shownRules(path, settings)).join(", ") : (settings.file ?? "the config");
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(RELOAD_MS)]);
      const { workloads, registry, later } = await this.#read(limited);
      const changes = await this.#apply(workloads, registry.kinds);
      const notes = registry.notes.filter((note) => !this.#registry.notes.includes(note));
      this.#registry = registry;
      return { file, message: [`${file} changed: ${sentenceOf(changes)}${later}`, ...notes].join("; "), changes };
    } catch (cause) {
      const error = asKinsyncError(cause, `${file} cannot be applied`, {});
      const what = isRules || error.code === "KINSYNC_PLUGIN_RULES" ? "rules stay" : "config stays";
      return { file, message: `${file} has an error, so the former ${what} in use: ${error.message}`, error };
    }
  }

  async #read(signal: AbortSignal): Promise<{
    readonly workloads: readonly ResolvedWorkload[];
    readonly registry: PluginRegistry;
    readonly later: string;
  }> {
    const { options, settings, cluster, consents } = this.#context;
    this.#edition += 1;
    // The same file: a search could find another one while an editor replaces it.
    const read = await readSettings({ ...options, config: settings.path }, signal, this.#edition);
    this.#settings = read;
    const { config } = read;
    const rules = await read.loadRules();
    if (rules.length > 0) await settings.watch();
    const registry = this.#registry.withRules(rules);
    const plans = await planWrites(options, { ...read, registry: () => Promise.resolve(registry) });
    await checkTransports(plans, registry, config);
    consents.writesApi = config.writesApi;
    const named = options.context ?? settings.config.context;
    checkContextAllowed({ context: cluster.context, named, allowed: config.contexts ?? [] });
    const workloads = await findProjectWorkloads({
      cluster,
      kinds: registry.kinds,
      plans,
      // A workload that does not exist is an error here: the former config stays in use.
      options: { flags: options.flags },
      signal,
    });
    return { workloads, registry, later: laterOf(settings.config, config, options) };
  }
}

/** Names what takes effect with the next start only. */
function laterOf(before: KinsyncConfig, after: KinsyncConfig, { context }: OpenProjectOptions): string {
  const keys = [
    ...(context === undefined && before.context !== after.context ? ["context"] : []),
    // A TS config makes a new function at each run.
    ...(String(before.cluster) === String(after.cluster) ? [] : ["cluster"]),
    ...(forwardsOf(before) === forwardsOf(after) ? [] : ["forward"]),
    ...(["kinds", "transports"] as const).filter((key) => !isSamePlugins(before[key], after[key])),
  ];
  return keys.length === 0 ? "" : `; restart kinsync to apply ${keys.map((key) => `\`${key}\``).join(" and ")}`;
}

/** The ports of all workloads that have some, as one text. */
function forwardsOf({ workloads }: KinsyncConfig): string {
  return JSON.stringify(
    workloads.flatMap(({ workload, namespace, forward = [] }) =>
      forward.length === 0 ? [] : [{ workload, namespace, forward }],
    ),
  );
}

/** Without rules, which are applied. A TS config makes new objects at each run: functions are compared by their text. */
function isSamePlugins(before: KinsyncConfig["kinds" | "transports"], after: typeof before): boolean {
  const textOf = (plugins: typeof before): string =>
    JSON.stringify(plugins?.filter((each) => rulesOf(each) === undefined) ?? [], (_key, value: unknown) =>
      typeof value === "function" ? String(value) : value,
    );
  return textOf(before) === textOf(after);
}

function sentenceOf({ started, restarted, stopped, unchanged }: WorkloadChanges): string {
  const all = [...started, ...restarted, ...stopped, ...unchanged];
  const parts = [
    ...listOf("restarted", restarted, all),
    ...listOf("started", started, all),
    ...listOf("stopped", stopped, all),
  ];
  return parts.length === 0 ? "no workload is affected" : parts.join("; ");
}

function listOf(
  verb: string,
  workloads: readonly ChangedWorkload[],
  all: readonly ChangedWorkload[],
): readonly string[] {
  if (workloads.length === 0) return [];
  const isRepeated = ({ name }: ChangedWorkload): boolean => all.filter((each) => each.name === name).length > 1;
  const names = workloads.map((each) => (isRepeated(each) ? `${each.name} (${each.namespace})` : each.name));
  return [`${verb} ${names.join(", ")}`];
}
