import type { KindPlugin, KinsyncConfig, ResourceType } from "@kinsync/core/contract";
import { KinsyncError } from "@kinsync/core/contract";
import type { LoadedConfig, LoadedPlugins, PluginRegistry, WorkloadConfig, WorkloadPlan } from "@kinsync/core/config";
import type { Io } from "../io.ts";
import type { ClusterOptions, SyncOptions } from "./options.ts";

/** What a config file says, checked; its plugins are not loaded yet. */
export interface Settings {
  /** `undefined`: there is no config file. */
  readonly loaded: LoadedConfig | undefined;
  readonly contexts: readonly string[];
  readonly workloads: readonly WorkloadConfig[];
  /** The namespace that the config gives a workload. */
  readonly namespaceOf: (workload: string, kinds: readonly KindPlugin[]) => string | undefined;
  /** Loads the plugins of the config, once, and puts them and the built-in ones together. */
  readonly plugins: () => Promise<PluginRegistry>;
}

const NO_PLUGINS: LoadedPlugins = { kinds: [], transports: [] };

/** Reads and checks the config, if there is one. */
export async function loadSettings(options: ClusterOptions, io: Io): Promise<Settings> {
  const { checkConfig, loadConfig } = await import("@kinsync/core/config");
  const loaded = await loadConfig({
    cwd: io.cwd,
    signal: io.signal,
    ...(options.config === undefined ? {} : { file: options.config }),
    ...(io.env["HOME"] === undefined ? {} : { home: io.env["HOME"] }),
  });
  const config = loaded === undefined ? undefined : await checkConfig(loaded);
  let registry: Promise<PluginRegistry> | undefined;
  return {
    loaded,
    contexts: config?.contexts ?? [],
    workloads: config?.workloads ?? [],
    namespaceOf: (workload, kinds) =>
      config?.workloads.find((each) => isSame(each.workload, workload, kinds))?.namespace,
    plugins: () => (registry ??= loadRegistry(loaded, config, io.signal)),
  };
}

async function loadRegistry(
  loaded: LoadedConfig | undefined,
  config: KinsyncConfig | undefined,
  signal: AbortSignal,
): Promise<PluginRegistry> {
  const { createRegistry, loadPlugins } = await import("@kinsync/core/config");
  const configured =
    loaded === undefined || config === undefined
      ? NO_PLUGINS
      : await loadPlugins(config, { folder: loaded.folder, file: loaded.file, signal });
  const { builtInKinds, builtInTransports } = await import("./built-in.ts");
  return createRegistry({ builtIn: { kinds: builtInKinds(), transports: builtInTransports() }, configured });
}

/**
 * What `up` and `sync` shall keep in step: the named workload or all of the config. `--sync` takes the place of the config's
 * rules for that workload; `--container`, `--role` and `--initial` narrow or change every rule.
 */
export async function planWorkloads(
  named: string | undefined,
  settings: Settings,
  options: SyncOptions,
  io: Io,
): Promise<readonly WorkloadPlan[]> {
  const { checkSources, originOf, parseMappingFlag, resolveConfig } = await import("@kinsync/core/config");
  const { loaded, workloads } = settings;
  if (options.sync.length === 0 && loaded === undefined) throw noRules(named);
  const chosen = await choose(named, settings);

  let plans: readonly WorkloadPlan[];
  if (options.sync.length > 0) {
    if (named === undefined) {
      throw new KinsyncError("KINSYNC_USAGE", "--sync needs a workload", {
        hint: `For example: kinsync up jobset/train --sync ${options.sync[0]}`,
      });
    }
    const [base] = chosen;
    const workload = base === undefined ? named : base.workload;
    const mappings = options.sync.map(parseMappingFlag);
    plans = resolveConfig(
      { workloads: [{ ...base, workload, sync: mappings }] },
      { folder: io.cwd, describe: (path) => `TO of --sync ${options.sync[Number(path[3])] ?? ""}` },
    ).map((plan) => ({ ...plan, workload: named }));
  } else {
    if (loaded === undefined || chosen.length === 0) throw notInConfig(named, settings);
    const origin = originOf(loaded);
    const all = resolveConfig({ workloads }, origin);
    plans = all.filter((plan) =>
      chosen.some((each) => each.workload === plan.workload && each.namespace === plan.namespace),
    );
  }
  const narrowed = plans.map((plan) => narrow(plan, options));
  for (const plan of narrowed) await checkSources(plan.mappings);
  return narrowed;
}

/** The workloads of the config that a name means; all where there is none. */
async function choose(named: string | undefined, settings: Settings): Promise<readonly WorkloadConfig[]> {
  const { workloads } = settings;
  if (named === undefined) return workloads;
  const exact = workloads.filter(({ workload }) => workload === named);
  if (exact.length > 0 || workloads.length === 0) return exact;
  // Only the plugins know that `deploy/web` is `deployment/web`, and they take their time to load.
  const { kinds } = await settings.plugins();
  return workloads.filter(({ workload }) => isSame(workload, named, kinds));
}

function narrow(plan: WorkloadPlan, options: SyncOptions): WorkloadPlan {
  return {
    ...plan,
    namespace: options.namespace ?? plan.namespace,
    mappings: plan.mappings.map((mapping) => ({
      ...mapping,
      roles: options.roles.length === 0 ? mapping.roles : options.roles,
      container: options.container ?? mapping.container,
      image: options.container === undefined ? mapping.image : undefined,
      initial: options.initial ?? mapping.initial,
    })),
  };
}

/** Refuses mappings by a transport that is not loaded. Throws `KINSYNC_PLUGIN_NOT_FOUND`. */
export function checkTransports(plans: readonly WorkloadPlan[], registry: PluginRegistry): void {
  const names = registry.transports.map(({ name }) => name);
  for (const mapping of plans.flatMap(({ mappings }) => mappings)) {
    if (names.includes(mapping.transport)) continue;
    throw new KinsyncError(
      "KINSYNC_PLUGIN_NOT_FOUND",
      `${mapping.id} wants the transport ${JSON.stringify(mapping.transport)}, and none of that name is loaded`,
      { hint: `Loaded: ${names.join(", ")}. Add it to transports of the config.`, details: { loaded: names } },
    );
  }
}

function noRules(named: string | undefined): KinsyncError {
  return new KinsyncError(
    "KINSYNC_USAGE",
    "There is no config file here or above, and no --sync says what goes where",
    { hint: `For example: kinsync up ${named ?? "jobset/train"} --sync src:/app/src` },
  );
}

function notInConfig(named: string | undefined, settings: Settings): KinsyncError {
  const file = settings.loaded?.file ?? "the config";
  const targets = settings.workloads.map(({ workload }) => workload);
  if (named === undefined) {
    return new KinsyncError("KINSYNC_USAGE", `${file} lists no workload`, {
      hint: 'Add one: workloads: [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }] }]',
    });
  }
  const listed = targets.length === 0 ? "which lists none" : `which lists ${targets.join(", ")}`;
  return new KinsyncError("KINSYNC_USAGE", `${named} is not in ${file}, ${listed}`, {
    hint: `Name one of these, or say what goes where: --sync src:/app/src`,
    details: { targets },
  });
}

/** True if two names mean one workload, as far as the loaded kinds tell: `deploy/web` and `deployment/web`. */
function isSame(a: string, b: string, kinds: readonly KindPlugin[]): boolean {
  return a === b || canonical(a, kinds) === canonical(b, kinds);
}

/** The one root that needs no kind. */
const POD: ResourceType = { group: "", version: "v1", kind: "Pod", plural: "pods", shortNames: ["po"] };

function canonical(text: string, kinds: readonly KindPlugin[]): string {
  const slash = text.indexOf("/");
  if (slash === -1) return text;
  const word = text.slice(0, slash).toLowerCase();
  const name = text.slice(slash + 1);
  for (const root of [POD, ...kinds.map((kind) => kind.root)]) {
    const bare = [root.kind.toLowerCase(), root.plural, ...(root.shortNames ?? [])];
    const full = bare.flatMap((each) => [each, `${each}.${root.group}`, `${each}.${root.version}.${root.group}`]);
    if (full.includes(word)) return `${root.plural}.${root.group}/${name}`;
  }
  return `${word}/${name}`;
}
