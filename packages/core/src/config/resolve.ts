import { statSync } from "node:fs";
import { basename, posix, resolve } from "node:path";
import type {
  ForwardConfig,
  KinsyncConfig,
  MappingConfig,
  ReleaseMode,
  UpdateRule,
  TransportReference,
  WorkloadConfig,
} from "../contract/config.ts";
import { KinsyncError } from "../errors/error.ts";
import { restartAction, type ResolvedAction } from "../mapping/action.ts";
import { resolveHooks, resolveRebuild, type ResolvedHooks, type ResolvedRebuild } from "../mapping/local-actions.ts";
import { MAPPING_DEFAULTS, RUN_DEFAULTS } from "../mapping/defaults.ts";
import type { GangPolicy } from "../mapping/gang-policy.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { systemFolderAt, systemFolderError } from "../mapping/system-folders.ts";
import type { LoadedConfig } from "./load.ts";
import type { ConfigPath } from "../document/parse.ts";
import { durationMs } from "../time/duration.ts";
import { formatConfigPath, placeOf } from "../document/problems.ts";

/** Where a config came from, for paths and messages. Without a file: the working directory and the command line. */
export interface ConfigOrigin {
  /** Absolute folder that `from` is relative to. */
  readonly folder: string;
  /** Absolute folder in which commands run on this machine. Default: `folder`. */
  readonly commandFolder?: string;
  /** Place of a value: `kinsync.config.yaml:4:7`; the name of the file where it has no places. */
  readonly placeOf: (path: ConfigPath) => string;
  /** Names the place of a value: `kinsync.config.yaml:4:7: workloads[0].sync[1].to`, or `--sync src:/`. */
  readonly describe: (path: ConfigPath) => string;
}

/** A workload of the config with every default filled in; its name is not yet looked up in a cluster. */
export interface WorkloadPlan {
  /** As the user named it: `jobset/train`. */
  readonly workload: string;
  /** `undefined`: that of the context. */
  readonly namespace: string | undefined;
  readonly mappings: readonly ResolvedMapping[];
  readonly run: readonly ResolvedAction[];
  /** Follows the commands of `run`. `undefined`: nothing is restarted. */
  readonly restart: ResolvedAction | undefined;
  /** Its paths are ignored by every mapping. */
  readonly rebuild?: ResolvedRebuild;
  readonly hooks?: ResolvedHooks;
  readonly mode: ReleaseMode;
  /** Ports to open on this machine. */
  readonly forward: readonly ForwardConfig[];
  /** `undefined`: each member gets a snapshot as soon as it can. */
  readonly gang?: GangPolicy | undefined;
}

/** The origin of a config file. */
export function originOf(loaded: LoadedConfig): ConfigOrigin {
  const place = (path: ConfigPath): string => placeOf(loaded, loaded.locate(path, "value"));
  return {
    folder: loaded.folder,
    placeOf: place,
    describe: (path) => `${place(path)}: ${formatConfigPath(path)}`,
  };
}

/**
 * Fills in the defaults of a checked config: absolute local paths, normal container paths, one id for each mapping.
 *
 * Throws `KINSYNC_TARGET_PATH` (`..`, `.kinsync`, a backslash), `KINSYNC_CONFIG_SYSTEM_FOLDER` (`/`, `/usr`, `/home/ada`),
 * `KINSYNC_CONFIG_CONFLICT` (two mappings of one workload want one path in the same containers; one workload named twice).
 */
export function resolveConfig(config: Pick<KinsyncConfig, "workloads">, origin: ConfigOrigin): readonly WorkloadPlan[] {
  const seen = new Map<string, number>();
  return config.workloads.map((workload, index) => {
    const key = `${workload.namespace ?? ""} ${workload.workload}`;
    const before = seen.get(key);
    if (before !== undefined) {
      throw new KinsyncError(
        "KINSYNC_CONFIG_CONFLICT",
        `${origin.describe(["workloads", index, "workload"])} is ${workload.workload}, as in workloads[${before}]`,
        { hint: "Put the sync rules of one workload into one entry.", details: { workload: workload.workload } },
      );
    }
    seen.set(key, index);
    return resolveWorkload(workload, index, origin);
  });
}

function resolveWorkload(workload: WorkloadConfig, index: number, origin: ConfigOrigin): WorkloadPlan {
  const { commandFolder = origin.folder } = origin;
  const mappings = workload.sync.map((mapping, place) =>
    resolveMapping(mapping, {
      id: `${workload.workload} sync[${place}]`,
      folder: origin.folder,
      containers: workload.containers,
      unsent: workload.rebuild?.when ?? [],
      where: () => origin.describe(["workloads", index, "sync", place, "to"]),
    }),
  );
  checkSystemFolders(mappings, (place) => origin.describe(["workloads", index, "sync", place, "to"]));
  checkConflicts(mappings, (place) => origin.describe(["workloads", index, "sync", place, "to"]));
  return {
    workload: workload.workload,
    namespace: workload.namespace,
    mappings,
    run: (workload.run ?? []).map((action) => ({ ...RUN_DEFAULTS, ...definedOf(action) })),
    restart: workload.restart === undefined ? undefined : restartAction(workload.restart),
    ...(workload.rebuild === undefined ? {} : { rebuild: resolveRebuild(workload.rebuild, commandFolder) }),
    ...(workload.hooks === undefined ? {} : { hooks: resolveHooks(workload.hooks, commandFolder) }),
    mode: workload.mode ?? "auto",
    forward: workload.forward ?? [],
    gang: resolveUpdate(workload.update ?? "independent"),
  };
}

function resolveUpdate(update: UpdateRule): GangPolicy | undefined {
  const { mode, quorum = "all", timeout, onFailure = "hold" } = typeof update === "string" ? { mode: update } : update;
  if (mode === "independent") return undefined;
  return { quorum, timeoutMs: timeout === undefined ? undefined : durationMs(timeout), onFailure };
}

interface MappingContext {
  readonly id: string;
  readonly folder: string;
  readonly containers: WorkloadConfig["containers"];
  /** Paths that only a new image brings. */
  readonly unsent: readonly string[];
  readonly where: () => string;
}

function resolveMapping(mapping: MappingConfig, context: MappingContext): ResolvedMapping {
  const { to, toIsFolder } = normalizeTo(mapping.to, context.where);
  return {
    ...MAPPING_DEFAULTS,
    ...definedOf(mapping),
    id: context.id,
    ignore: [...(mapping.ignore ?? MAPPING_DEFAULTS.ignore), ...context.unsent],
    from: resolve(context.folder, mapping.from),
    fromText: mapping.from,
    to,
    toIsFolder,
    roles: mapping.roles,
    indexes: mapping.indexes,
    labels: acceptedLabels(mapping.labels),
    container: mapping.container ?? context.containers?.name,
    image: mapping.container === undefined ? context.containers?.image : undefined,
    ...resolveTransport(mapping.transport ?? MAPPING_DEFAULTS.transport),
  };
}

function acceptedLabels(labels: MappingConfig["labels"]): ResolvedMapping["labels"] {
  if (labels === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(labels).map(([key, values]) => [key, typeof values === "string" ? [values] : values]),
  );
}

function resolveTransport(reference: TransportReference): Pick<ResolvedMapping, "transport" | "transportOptions"> {
  if (typeof reference === "string") return { transport: reference };
  const [transport, transportOptions] = reference;
  return { transport, transportOptions };
}

/** Without keys that hold `undefined`: a program may write them, and they count as missing. */
function definedOf<Config extends object>(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as Config;
}

/** Makes a container path normal: no `.`, no doubled slash, no slash at its end. Throws `KINSYNC_TARGET_PATH`. */
function normalizeTo(text: string, where: () => string): { readonly to: string; readonly toIsFolder: boolean } {
  const refuse = (why: string, hint?: string): KinsyncError =>
    new KinsyncError("KINSYNC_TARGET_PATH", `${where()} is ${JSON.stringify(text)}, ${why}`, {
      ...(hint === undefined ? {} : { hint }),
      details: { to: text },
    });
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001F\u007F]/.test(text)) throw refuse("which has control characters");
  if (text.includes("\\"))
    throw refuse("which has a backslash", `Container paths are POSIX: ${text.replaceAll("\\", "/")}`);
  const segments = text.split("/");
  if (segments.includes("..")) throw refuse("which has a part `..`", "Write the path out, without `..`.");
  if (segments.includes(".kinsync")) throw refuse("which is in kinsync's own state folder");
  if (/^~(?:[\w-]*)(?:\/|$)/.test(text))
    throw refuse("and `~` is not a folder in containers", "Write the path out: /home/app/src");
  if (segments.some((segment) => /^\$(?:\{\w+\}|\w+)$/.test(segment))) {
    throw refuse("which has a variable of the container", "Container paths have no variables: write the path out.");
  }
  const normal = posix.normalize(text);
  const what = normal === "/" ? systemFolderAt(normal, "directory") : undefined;
  if (what !== undefined) throw systemFolderError(where(), text, what);
  const to = normal.replace(/\/+$/, "");
  return { to, toIsFolder: /\/\.?$/.test(text) };
}

/** Where the files of a mapping really end up: `cp` puts a single file into a folder under its own name. */
function finalPath(mapping: ResolvedMapping): string {
  if (!mapping.toIsFolder) return mapping.to;
  return isSingleFile(mapping) ? posix.join(mapping.to, basename(mapping.from)) : mapping.to;
}

function isSingleFile({ from }: ResolvedMapping): boolean {
  return statSync(from, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Refuses folders of the system. Relative paths are judged in the container. Throws `KINSYNC_CONFIG_SYSTEM_FOLDER`. */
function checkSystemFolders(mappings: readonly ResolvedMapping[], describe: (place: number) => string): void {
  for (const [place, mapping] of mappings.entries()) {
    if (!posix.isAbsolute(mapping.to)) continue;
    const path = finalPath(mapping);
    // Almost no path is one, also as a folder: only those cost a look at the local file.
    if (systemFolderAt(path, "directory") === undefined) continue;
    const what = systemFolderAt(path, isSingleFile(mapping) ? "file" : "directory");
    if (what !== undefined) throw systemFolderError(describe(place), path, what);
  }
}

function checkConflicts(mappings: readonly ResolvedMapping[], describe: (place: number) => string): void {
  const paths = mappings.map(finalPath);
  for (const [place, mapping] of mappings.entries()) {
    for (let before = 0; before < place; before += 1) {
      const other = mappings[before];
      if (other === undefined || paths[before] !== paths[place] || !mayMeet(mapping, other)) continue;
      throw new KinsyncError(
        "KINSYNC_CONFIG_CONFLICT",
        `${describe(place)} is ${paths[place]}, as in sync[${before}], and both may meet in one container`,
        {
          hint: "Take one of them out, or give them roles, indexes, labels or containers that do not overlap.",
          details: { to: paths[place], mappings: [other.id, mapping.id] },
        },
      );
    }
  }
}

/** True unless the filters of two mappings keep them apart for certain. A default container may be any of them. */
function mayMeet(a: ResolvedMapping, b: ResolvedMapping): boolean {
  const container = a.container === undefined || b.container === undefined || a.container === b.container;
  return (
    container &&
    overlap(a.roles, b.roles) &&
    overlap(a.indexes, b.indexes) &&
    overlap(a.states, b.states) &&
    Object.entries(a.labels ?? {}).every(([key, values]) => overlap(values, b.labels?.[key]))
  );
}

function overlap(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined || a.some((each) => b.includes(each));
}
