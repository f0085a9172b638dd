import { extname, relative } from "node:path";
import { capabilitiesOf } from "../contract/capabilities.ts";
import type { KinsyncConfig, WorkloadConfig } from "../contract/config.ts";
import { KinsyncError } from "../errors/error.ts";
import { parseMappingFlag } from "../config/mapping-flag.ts";
import { CONFIG_FILES, misnamedConfig, searchFolders } from "../config/places.ts";
import { resolveConfig, type WorkloadPlan } from "../config/resolve.ts";
import { checkSources } from "../config/sources.ts";
import { MAPPING_DEFAULTS } from "../mapping/defaults.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { consentError, needsOf, unsupported, unsupportedError } from "../mapping/unsupported.ts";
import { loadTransport } from "../plugins/host-lazy-transport.ts";
import type { PluginRegistry } from "../plugins/registry.ts";
import { chooseWorkloads, type ChosenWorkload } from "./choose.ts";
import type { OpenProjectOptions, ProjectFlags } from "./options.ts";
import { homeOf, type Settings } from "./settings.ts";

/**
 * What is to be written where: the chosen workload or all of the config. `flags.sync` takes the place of the config's mappings
 * for that workload; the other flags change every mapping.
 *
 * Throws `KINSYNC_USAGE` (nothing is chosen), `KINSYNC_CONFIG_CONFLICT` (two rules open one local port), `KINSYNC_SOURCE_MISSING`, and what `resolveConfig` throws.
 */
export async function planWrites(options: OpenProjectOptions, settings: Settings): Promise<readonly WorkloadPlan[]> {
  const { flags = {} } = options;
  const { namespace, sync = [] } = flags;
  const names = flags.workloads ?? [];
  const { workloads } = settings.config;
  if (sync.length > 0 && names.length === 0) {
    throw new KinsyncError("KINSYNC_USAGE", "--sync needs a workload", {
      hint: `For example: kinsync up jobset/train --sync ${sync[0]}`,
    });
  }
  if (sync.length === 0 && settings.file === undefined) throw await noMappings(options, settings);
  const chosen = await chooseEach(names, (name) =>
    chooseWorkloads(workloads, { name, namespace }, () => rootsOf(settings)),
  );
  const missing = chosen.find((each) => each.chosen.length === 0);
  if (missing !== undefined && sync.length === 0) throw notInConfig(missing.name, settings);
  const plans =
    sync.length > 0
      ? chosen.flatMap(({ name, chosen }) => planFlags(name ?? "", chosen, settings, options))
      : planConfig(new Set(chosen.flatMap((each) => each.chosen.map(({ index }) => index))), settings, flags);
  await checkForwards(plans);
  for (const plan of plans) await checkSources(plan.mappings);
  return plans;
}

/** Two rules of the run cannot open one local port. Throws `KINSYNC_CONFIG_CONFLICT`. */
async function checkForwards(plans: readonly WorkloadPlan[]): Promise<void> {
  const rules = plans.flatMap(({ workload, forward }) =>
    forward.map((rule, at) => ({ name: `forward[${at}] of ${workload} (port ${rule.port})`, rule })),
  );
  // Most runs forward nothing, and load nothing for it.
  if (rules.length < 2) return;
  const { checkLocalPorts } = await import("../forward/same-port.ts");
  checkLocalPorts(rules, "KINSYNC_CONFIG_CONFLICT");
}

/** The choice for each name; one choice for all of the config without a name. */
async function chooseEach(
  names: readonly string[],
  choose: (name: string | undefined) => Promise<readonly ChosenWorkload[]>,
): Promise<readonly { readonly name: string | undefined; readonly chosen: readonly ChosenWorkload[] }[]> {
  const all = names.length === 0 ? [undefined] : [...new Set(names)];
  return await Promise.all(all.map(async (name) => ({ name, chosen: await choose(name) })));
}

/** A workload to look at, and the transports that a sync of it would use. */
export interface ReadPlan extends Pick<WorkloadPlan, "workload" | "namespace" | "forward"> {
  readonly transports: readonly string[];
}

/** The names to look at: the chosen workloads, or all of the config. Their mappings need not be right. */
export async function planReads(options: OpenProjectOptions, settings: Settings): Promise<readonly ReadPlan[]> {
  const { workloads: names = [], namespace } = options.flags ?? {};
  const all = await chooseEach(names, (name) =>
    chooseWorkloads(settings.config.workloads, { name, namespace }, () => rootsOf(settings)),
  );
  return all.flatMap(({ name, chosen }): readonly ReadPlan[] => {
    if (chosen.length === 0) {
      if (name === undefined) throw notInConfig(name, settings);
      const of = namespace ?? settings.config.namespace;
      return [{ workload: name, namespace: of, transports: [MAPPING_DEFAULTS.transport], forward: [] }];
    }
    return chosen.map(({ workload }) => ({
      workload: name ?? workload.workload,
      namespace: namespace ?? workload.namespace,
      forward: workload.forward ?? [],
      transports: workload.sync.map(({ transport = MAPPING_DEFAULTS.transport }) =>
        typeof transport === "string" ? transport : transport[0],
      ),
    }));
  });
}

async function rootsOf(settings: Settings) {
  return (await settings.registry()).kinds.map(({ root }) => root);
}

function planFlags(
  name: string,
  chosen: readonly ChosenWorkload[],
  { origin }: Settings,
  { cwd, flags = {} }: OpenProjectOptions,
): readonly WorkloadPlan[] {
  const { sync = [] } = flags;
  const mappings = sync.map(parseMappingFlag);
  const bases: readonly Partial<WorkloadConfig>[] = chosen.length === 0 ? [{}] : chosen.map(({ workload }) => workload);
  const workloads = bases.map((base) => narrow({ ...base, workload: name, sync: mappings }, flags));
  return resolveConfig(
    { workloads },
    {
      folder: cwd,
      // Hooks and `rebuild` are the config's, also where the mappings are not.
      commandFolder: origin.folder,
      placeOf: () => "the command line",
      describe: (path) => `TO of --sync ${sync[Number(path[3])] ?? ""}`,
    },
  );
}

function planConfig(
  chosen: ReadonlySet<number>,
  { config, origin }: Settings,
  flags: ProjectFlags,
): readonly WorkloadPlan[] {
  const workloads = config.workloads.map((workload, index) => (chosen.has(index) ? narrow(workload, flags) : workload));
  return resolveConfig({ workloads }, origin)
    .filter((_plan, index) => chosen.has(index))
    .map((plan) => withoutEmpty(plan, flags));
}

/** Before defaults are filled in, so that what the flags make of the mappings is checked as the config is. */
function narrow(workload: WorkloadConfig, flags: ProjectFlags): WorkloadConfig {
  const { namespace = workload.namespace, container, roles = [], initial } = flags;
  return {
    ...workload,
    ...(namespace === undefined ? {} : { namespace }),
    sync: workload.sync.map((mapping) => ({
      ...mapping,
      ...(roles.length === 0 ? {} : { roles: mapping.roles?.filter((role) => roles.includes(role)) ?? roles }),
      ...(container === undefined ? {} : { container }),
      ...(initial === undefined ? {} : { initial }),
    })),
  };
}

/** Leaves out the mappings that are for none of the roles that are asked for. */
function withoutEmpty(plan: WorkloadPlan, { roles = [] }: ProjectFlags): WorkloadPlan {
  const mappings = plan.mappings.filter((mapping) => mapping.roles?.length !== 0);
  if (mappings.length > 0) return { ...plan, mappings };
  const known = [...new Set(plan.mappings.flatMap((mapping) => mapping.roles ?? []))];
  throw new KinsyncError("KINSYNC_USAGE", `No mapping of ${plan.workload} is for the role ${roles.join(", ")}`, {
    hint: `Leave --role out, or change \`roles\` of a mapping in the config.`,
    details: { roles, known },
  });
}

/**
 * Refuses mappings whose transport is not loaded (`KINSYNC_PLUGIN_NOT_FOUND`), changes objects without consent
 * (`KINSYNC_TRANSPORT_CONSENT`) or cannot do what they ask (`KINSYNC_TRANSPORT_CANNOT`), before anything starts. Loads these transports.
 */
export async function checkTransports(
  plans: readonly WorkloadPlan[],
  registry: PluginRegistry,
  { writesApi = [] }: Pick<KinsyncConfig, "writesApi">,
): Promise<void> {
  const names = registry.transports.map(({ name }) => name);
  for (const plan of plans) {
    for (const mapping of plan.mappings) {
      const entry = registry.transports.find(({ name }) => name === mapping.transport);
      if (entry === undefined) throw notLoaded(mapping, names);
      const transport = await loadTransport(entry);
      const capabilities = capabilitiesOf(transport);
      const consent = writesApi.includes(transport.name)
        ? undefined
        : consentError(transport.name, mapping.id, capabilities);
      if (consent !== undefined) throw consent;
      const missing = unsupported(needsOf(mapping, plan), capabilities);
      if (missing.length > 0) throw unsupportedError(transport.name, mapping.id, missing);
    }
  }
}

function notLoaded({ id, transport }: ResolvedMapping, names: readonly string[]): KinsyncError {
  return new KinsyncError(
    "KINSYNC_PLUGIN_NOT_FOUND",
    `${id} needs the transport ${JSON.stringify(transport)}, which is not loaded`,
    {
      hint: `Loaded: ${names.length === 0 ? "none" : names.join(", ")}. Add it to \`transports\` of the config.`,
      details: { loaded: names },
    },
  );
}

async function noMappings({ cwd, env, flags }: OpenProjectOptions, { notes }: Settings): Promise<KinsyncError> {
  const folders = await searchFolders(cwd, homeOf(env));
  const example = `For example: kinsync up ${flags?.workloads?.[0] ?? "jobset/train"} --sync src:/app/src`;
  return new KinsyncError(
    "KINSYNC_USAGE",
    `There is no config file in ${folders.join(", ")}, and no --sync names what to write where`,
    { hint: notes[0] ?? (await hintOfMisnamed(cwd, folders)) ?? example, details: { folders } },
  );
}

/** A file with a name that the search does not know. */
async function hintOfMisnamed(cwd: string, folders: readonly string[]): Promise<string | undefined> {
  const path = await misnamedConfig(folders);
  if (path === undefined) return undefined;
  const file = relative(cwd, path);
  const ending = CONFIG_FILES.includes(`kinsync.config${extname(path)}`) ? extname(path) : ".yaml";
  return `${file} does not have the name of a config. Rename it to kinsync.config${ending}, or name it: --config ${file}`;
}

function notInConfig(name: string | undefined, { file = "the config", config }: Settings): KinsyncError {
  const listed = config.workloads.map(({ workload }) => workload);
  if (name === undefined) {
    return new KinsyncError("KINSYNC_USAGE", `${file} lists no workload`, {
      hint: 'Add one: workloads: [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }] }]',
    });
  }
  const known = listed.length === 0 ? "lists no workload" : `lists ${listed.join(", ")}`;
  return new KinsyncError("KINSYNC_USAGE", `${name} is not in ${file}, which ${known}`, {
    hint: "Name one of these, or name what to write where: --sync src:/app/src",
    details: { workloads: listed },
  });
}
