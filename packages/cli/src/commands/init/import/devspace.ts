import { posix } from "node:path";
import type { IgnoreFile, Imported, ImportedEntry, ProposedRule, ProposedRun } from "../proposal.ts";

interface DevspaceSync {
  /** `LOCAL:REMOTE`; version v2beta1. */
  readonly path?: string;
  /** Versions before. */
  readonly localSubPath?: string;
  readonly containerPath?: string;
  readonly excludePaths?: readonly string[];
  readonly uploadExcludePaths?: readonly string[];
  readonly excludeFile?: string;
  readonly uploadExcludeFile?: string;
  readonly disableUpload?: boolean;
  readonly file?: boolean;
  readonly onUpload?: {
    readonly restartContainer?: boolean;
    readonly exec?: readonly {
      readonly command?: string;
      readonly args?: readonly string[];
      readonly onChange?: readonly string[];
    }[];
    readonly execRemote?: unknown;
  };
  readonly [other: string]: unknown;
}

interface DevspaceContainer {
  readonly imageSelector?: string;
  readonly labelSelector?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly container?: string;
  readonly containerName?: string;
  readonly sync?: readonly DevspaceSync[];
}

interface DevspaceDev extends DevspaceContainer {
  readonly containers?: Readonly<Record<string, DevspaceContainer>>;
}

/** Keys that kinsync has no word for, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  bandwidthLimits: "kinsync limits no bandwidth",
  downloadExcludePaths: "kinsync never changes local files",
  downloadExcludeFile: "kinsync never changes local files",
  initialSync: "kinsync brings containers up to date with the local files; see `initial` of the config",
  waitInitialSync: "`kinsync sync` waits",
  startContainer: "kinsync changes no containers",
  polling: "kinsync notices by itself where events are missing",
  throttleChangeDetection: "kinsync waits until files are quiet",
  noWatch: "use `kinsync sync`",
};

/** Reads `dev.*.sync` of a devspace.yaml: version v2beta1, and the list `dev.sync` of versions before. */
export async function importDevspace(text: string, name: string): Promise<Imported> {
  const { parse } = await import("yaml");
  const file = (parse(text) ?? {}) as { readonly dev?: unknown };
  const dev = (file.dev ?? {}) as Readonly<Record<string, unknown>>;
  const leftOut: string[] = [];
  const entries: ImportedEntry[] = [];
  const add = (where: string, part: DevspaceContainer, container: string | undefined): void => {
    const entry = entryOf(where, part, container, leftOut);
    if (entry.sync.length > 0) entries.push(entry);
  };
  if (Array.isArray(dev["sync"])) {
    for (const [place, sync] of (dev["sync"] as readonly (DevspaceSync & DevspaceContainer)[]).entries()) {
      const { containerName, container = containerName } = sync;
      add(`${name}, dev.sync[${place}]`, { ...sync, sync: [sync] }, container);
    }
    return { entries, leftOut };
  }
  for (const [key, value] of Object.entries(dev) as [string, DevspaceDev][]) {
    const where = `${name}, dev.${key}`;
    if (value?.sync !== undefined) add(where, value, value.container);
    for (const [container, part] of Object.entries(value?.containers ?? {})) {
      add(
        `${where}.containers.${container}`,
        { ...value, ...part, sync: part.sync ?? [] },
        part.container ?? container,
      );
    }
  }
  return { entries, leftOut };
}

function entryOf(
  where: string,
  part: DevspaceContainer,
  container: string | undefined,
  leftOut: string[],
): ImportedEntry {
  const rules = (part.sync ?? []).map((sync, place) => ruleOf(`${where}.sync[${place}]`, sync, leftOut));
  if (part.labelSelector !== undefined && part.imageSelector === undefined) {
    leftOut.push(`${where}: labelSelector; name the workload that owns these pods`);
  }
  return {
    images: isLiteral(part.imageSelector) ? [part.imageSelector] : [],
    workload: undefined,
    namespace: isLiteral(part.namespace) ? part.namespace : undefined,
    container: isLiteral(container) ? container : undefined,
    sync: rules.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    run: rules.flatMap(({ run }) => run),
  };
}

function isLiteral(text: string | undefined): text is string {
  return text !== undefined && text !== "" && !text.includes("${");
}

function ruleOf(
  where: string,
  sync: DevspaceSync,
  leftOut: string[],
): { readonly rule: ProposedRule | undefined; readonly run: readonly ProposedRun[] } {
  for (const key of Object.keys(sync)) {
    if (Object.hasOwn(OTHERS, key)) leftOut.push(`${where}: ${key}; ${OTHERS[key]}`);
  }
  if (sync.disableUpload === true) {
    leftOut.push(`${where}: it only downloads; kinsync never changes local files`);
    return { rule: undefined, run: [] };
  }
  const { from, to } = pathsOf(sync);
  if (`${from}${to}`.includes("${")) {
    leftOut.push(`${where}: ${sync.path ?? from} has a variable`);
    return { rule: undefined, run: [] };
  }
  const excludeFile = sync.excludeFile ?? sync.uploadExcludeFile;
  const ignoreFile = excludeFile === undefined ? undefined : posix.basename(excludeFile);
  const isKnown = ignoreFile === ".gitignore" || ignoreFile?.endsWith(".dockerignore") === true;
  if (ignoreFile !== undefined && !isKnown)
    leftOut.push(`${where}: excludeFile ${excludeFile}; copy its lines to \`ignore\``);
  const ignore = [...(sync.excludePaths ?? []), ...(sync.uploadExcludePaths ?? [])];
  const { restartContainer, exec = [], execRemote } = sync.onUpload ?? {};
  if (restartContainer === true) leftOut.push(`${where}: onUpload.restartContainer; restart the process with \`run\``);
  if (execRemote !== undefined) leftOut.push(`${where}: onUpload.execRemote; write it as \`run\``);
  return {
    rule: {
      from,
      to,
      ...(ignore.length === 0 ? {} : { ignore }),
      ...(isKnown ? { ignoreFiles: [ignoreFile as IgnoreFile] } : {}),
      because: where,
    },
    run: exec.flatMap(({ command, args, onChange = ["**"] }): readonly ProposedRun[] =>
      command === undefined
        ? []
        : [
            {
              when: onChange.map((each) => each.replace(/^\.\//, "")),
              command: args === undefined ? command : [command, ...args],
              because: `${where}.onUpload`,
            },
          ],
    ),
  };
}

function pathsOf({ path, localSubPath, containerPath }: DevspaceSync): { readonly from: string; readonly to: string } {
  const [local = ".", remote] = path === undefined ? [localSubPath ?? ".", containerPath] : path.split(":");
  const from = posix.normalize(local).replace(/(?<=.)\/$/, "");
  // Without a container path, the container's working directory takes the place of the project folder.
  return { from, to: remote === undefined || remote === "" ? from : remote.replace(/(?<=.)\/$/, "") };
}
