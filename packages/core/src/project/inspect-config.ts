import type { KinsyncConfig } from "../contract/config.ts";
import type { ConfigPath } from "../document/parse.ts";
import type { WorkloadPlan } from "../config/resolve.ts";
import type { OpenProjectOptions } from "./options.ts";
import { checkTransports, planWrites } from "./plan.ts";
import { readSettings } from "./settings.ts";

/** A config that was checked as `up` checks it, without a cluster. */
export interface InspectedConfig {
  /** Name of the file, for messages. */
  readonly file: string;
  /** As it was written. */
  readonly config: KinsyncConfig;
  /** With every default filled in. */
  readonly workloads: readonly WorkloadPlan[];
  /** Names of the loaded plugins, with the built-in ones. */
  readonly kinds: readonly string[];
  readonly transports: readonly string[];
  /** What a person should know: which plugin replaces a built-in one. */
  readonly notes: readonly string[];
  /** Where a value was written: `kinsync.config.yaml:4:7`; `undefined` where it is a default. */
  readonly sourceOf: (path: ConfigPath) => string | undefined;
}

/**
 * Reads and checks the config, its local paths, its plugins and what its transports can do. Connects to no cluster.
 *
 * Rejects with errors of the areas USAGE, CONFIG, PLUGIN, SOURCE and TRANSPORT.
 */
export async function inspectConfig(options: Omit<OpenProjectOptions, "access">): Promise<InspectedConfig> {
  const settings = await readSettings(options, options.signal ?? new AbortController().signal);
  try {
    const workloads = await planWrites(options, settings);
    const registry = await settings.registry();
    await checkTransports(workloads, registry, settings.config);
    return {
      file: settings.file ?? "the command line",
      config: settings.config,
      workloads,
      kinds: registry.kinds.map(({ name }) => name),
      transports: registry.transports.map(({ name }) => name),
      notes: [...settings.notes, ...registry.notes],
      sourceOf: (path) => (isWritten(settings.config, path) ? settings.origin.placeOf(path) : undefined),
    };
  } finally {
    settings.close();
  }
}

function isWritten(config: unknown, path: ConfigPath): boolean {
  let value = config;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return false;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value !== undefined;
}
