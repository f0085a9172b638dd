import type { KinsyncConfig, ProfileConfig, ProfileWorkload, WorkloadConfig } from "../contract/config.ts";
import { KinsyncError } from "../errors/error.ts";
import { nearest } from "../text/did-you-mean.ts";
import type { CheckedConfig } from "./checked-config.ts";
import type { LoadedConfig } from "./load.ts";
import type { ConfigPath } from "../document/parse.ts";
import { formatConfigPath, placeOf } from "../document/problems.ts";
import { originOf } from "./resolve.ts";

/** A workload, and where in the config its keys stand. */
interface Entry {
  readonly workload: ProfileWorkload;
  /** Path of the entry. */
  readonly at: ConfigPath;
  /** Paths of entries in profiles that set keys of it. */
  readonly changed: ReadonlyMap<string, ConfigPath>;
}

/** Applies profiles to a checked config, in this order. Throws `KINSYNC_USAGE`, `KINSYNC_CONFIG_INVALID`. */
export function applyProfiles(config: KinsyncConfig, loaded: LoadedConfig, names: readonly string[]): CheckedConfig {
  const { profiles = {}, $schema: _schema, ...base } = config;
  let settings: Omit<KinsyncConfig, "profiles" | "workloads"> = base;
  let entries: readonly Entry[] = base.workloads.map((workload, index) => ({
    workload,
    at: ["workloads", index],
    changed: new Map(),
  }));
  for (const name of names) {
    const { workloads = [], ...rest } = profileOf(profiles, name, loaded);
    settings = { ...settings, ...rest };
    for (const [index, change] of workloads.entries()) {
      entries = withChange(entries, change, ["profiles", name, "workloads", index]);
    }
  }
  const workloads = entries.map((entry) => complete(entry, settings.namespace, loaded));
  const origin = originOf(loaded);
  return {
    config: { ...settings, workloads },
    origin: {
      ...origin,
      placeOf: (path) => origin.placeOf(pathInFile(path, entries)),
      describe: (path) => origin.describe(pathInFile(path, entries)),
    },
  };
}

function profileOf(
  profiles: Readonly<Record<string, ProfileConfig>>,
  name: string,
  { file }: LoadedConfig,
): ProfileConfig {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile !== undefined) return profile;
  const known = Object.keys(profiles);
  const near = nearest(name, known);
  const list = known.length === 0 ? "has no profiles" : `has the profiles ${known.join(", ")}`;
  throw new KinsyncError("KINSYNC_USAGE", `${file} has no profile ${JSON.stringify(name)}; it ${list}`, {
    hint: near === undefined ? "Leave --profile out, or add it to `profiles` of the config." : `Did you mean ${near}?`,
    details: { profile: name, profiles: known },
  });
}

/** An entry of a profile changes the entries of the same name; with a namespace that one of these has, only that one. */
function withChange(entries: readonly Entry[], change: ProfileWorkload, at: ConfigPath): readonly Entry[] {
  const named = entries.filter(({ workload }) => workload.workload === change.workload);
  if (named.length === 0) return [...entries, { workload: change, at, changed: new Map() }];
  const inNamespace = named.filter(({ workload }) => workload.namespace === change.namespace);
  const changed = new Set(inNamespace.length > 0 && change.namespace !== undefined ? inNamespace : named);
  const keys = Object.keys(change).map((key) => [key, at] as const);
  return entries.map((entry) =>
    changed.has(entry)
      ? { ...entry, workload: { ...entry.workload, ...change }, changed: new Map([...entry.changed, ...keys]) }
      : entry,
  );
}

function complete({ workload, at }: Entry, namespace: string | undefined, loaded: LoadedConfig): WorkloadConfig {
  const { sync } = workload;
  if (sync === undefined) {
    const where = placeOf(loaded, loaded.locate(at, "value"));
    throw new KinsyncError(
      "KINSYNC_CONFIG_INVALID",
      `${where}: ${formatConfigPath(at)}.sync is missing, and \`workloads\` has no ${workload.workload} that this entry could change`,
      { hint: "Name a workload of the config, or add `sync` to the entry.", details: { file: loaded.file } },
    );
  }
  return { ...workload, sync, ...(workload.namespace === undefined && namespace !== undefined ? { namespace } : {}) };
}

/** The path of a value in the file, from its path in the config with profiles applied. */
function pathInFile(path: ConfigPath, entries: readonly Entry[]): ConfigPath {
  const [list, index, key] = path;
  const entry = list === "workloads" && typeof index === "number" ? entries[index] : undefined;
  if (entry === undefined) return path;
  return [...(entry.changed.get(String(key)) ?? entry.at), ...path.slice(2)];
}
