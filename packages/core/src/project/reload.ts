import { stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { KinsyncConfig } from "../contract/config.ts";
import type { ResolvedWorkload } from "../engine/resolved-workload.ts";
import type { ChangedWorkload, WorkloadChanges } from "../engine/workload-changes.ts";
import { asKinsyncError, type KinsyncError } from "../errors/error.ts";
import type { PluginRegistry } from "../plugins/registry.ts";
import { checkContextAllowed } from "./consent.ts";
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
  /** Name of the config file. */
  readonly file: string;
  /** One line for people. */
  readonly message: string;
  /** Absent where the new config has an error. */
  readonly changes?: WorkloadChanges;
  /** Why the former config stays in use. */
  readonly error?: KinsyncError;
}

export interface ReloadContext {
  readonly options: OpenProjectOptions;
  /** As the project was opened. */
  readonly settings: Settings;
  readonly registry: PluginRegistry;
  readonly cluster: ClusterConnection;
}

/**
 * Follows the files of a config by reading their stamps, which works on every file system. Each change is read, checked and applied; a
 * config with an error changes nothing. Ends when it is disposed of.
 */
export function followConfig(
  context: ReloadContext,
  apply: (workloads: readonly ResolvedWorkload[]) => Promise<WorkloadChanges>,
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
  let applied = await stampOf(reloader.files);
  let seen = applied;
  while (await isStillNeeded(signal)) {
    const now = await stampOf(reloader.files);
    const isSettled = now === seen;
    seen = now;
    if (now === applied || !isSettled) continue;
    const report = await reloader.reload(signal);
    if (signal.aborted) return;
    // What the config imports may be other files now.
    applied = seen = reloader.hasOtherFiles ? await stampOf(reloader.files) : now;
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
  readonly #apply: (workloads: readonly ResolvedWorkload[]) => Promise<WorkloadChanges>;
  #edition = 0;
  files: readonly string[];
  hasOtherFiles = false;

  constructor(context: ReloadContext, apply: (workloads: readonly ResolvedWorkload[]) => Promise<WorkloadChanges>) {
    this.#context = context;
    this.#apply = apply;
    this.files = context.settings.files;
  }

  async reload(signal: AbortSignal): Promise<ReloadReport> {
    const { settings } = this.#context;
    const file = settings.file ?? "the config";
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(RELOAD_MS)]);
      const { workloads, later } = await this.#read(limited);
      const changes = await this.#apply(workloads);
      return { file, message: `${file} changed: ${sentenceOf(changes)}${later}`, changes };
    } catch (cause) {
      const error = asKinsyncError(cause, `${file} cannot be applied`, {});
      return { file, message: `${file} has an error, so the former config stays in use: ${error.message}`, error };
    }
  }

  async #read(
    signal: AbortSignal,
  ): Promise<{ readonly workloads: readonly ResolvedWorkload[]; readonly later: string }> {
    const { options, settings, registry, cluster } = this.#context;
    this.#edition += 1;
    // The same file: a search could find another one while an editor replaces it.
    const read = await readSettings({ ...options, config: settings.path }, signal, this.#edition);
    this.hasOtherFiles = !isDeepStrictEqual(read.files, this.files);
    this.files = read.files;
    const { config } = read;
    const plans = await planWrites(options, { ...read, registry: () => Promise.resolve(registry) });
    checkTransports(plans, registry);
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
    return { workloads, later: laterOf(settings.config, config, options) };
  }
}

/** Names what takes effect with the next start only. */
function laterOf(before: KinsyncConfig, after: KinsyncConfig, { context }: OpenProjectOptions): string {
  const keys = [
    ...(context === undefined && before.context !== after.context ? ["context"] : []),
    ...(["kinds", "transports"] as const).filter((key) => !isSamePlugins(before[key], after[key])),
  ];
  return keys.length === 0 ? "" : `; restart kinsync to apply ${keys.map((key) => `\`${key}\``).join(" and ")}`;
}

/** A TS config makes new objects at each run: functions are compared by their text. */
function isSamePlugins(before: KinsyncConfig["kinds" | "transports"], after: typeof before): boolean {
  const textOf = (plugins: typeof before): string =>
    JSON.stringify(plugins ?? [], (_key, value: unknown) => (typeof value === "function" ? String(value) : value));
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

async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    files.map(async (file) => {
      try {
        const { ino, size, mtimeMs, ctimeMs } = await stat(file);
        return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      } catch {
        return "missing";
      }
    }),
  );
  return stamps.join("\n");
}
