import { access, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { CONFIG_FILES } from "@kinsync/core/config";
import { KinsyncError } from "@kinsync/core/contract";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { clean, cleanData } from "../../render/text.ts";
import { count } from "../../render/units.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { fileProblem } from "../../setup/file-problem.ts";
import { projectOptions } from "../../setup/project.ts";
import { Cancelled, createQuestions, type Questions } from "./ask.ts";
import { chooseWorkloads, type ChosenWorkload } from "./choose-workloads.ts";
import { formatConfig, valueOf, type ConfigFormat } from "./format-config.ts";
import type { Imported, ProposedConfig, ProposedRule, ProposedRun, ProposedWorkload } from "./proposal.ts";
import type { ClusterFacts } from "./read-cluster.ts";
import { ignoreFilesFor, isFolder, readFolder } from "./read-folder.ts";
import { rulesOfFlags } from "./rules-of-flags.ts";

export interface InitOptions extends ClusterOptions {
  /** `FROM:TO`; in place of proposals. */
  readonly sync: readonly string[];
  readonly container: string | undefined;
  /** More paths to leave out, in every rule. */
  readonly ignore: readonly string[];
  readonly dockerfile: string | undefined;
  /** A Tiltfile, skaffold.yaml or devspace.yaml. */
  readonly from: string | undefined;
  readonly format: ConfigFormat | undefined;
  readonly force: boolean;
  /** Take every proposal without a question. */
  readonly yes: boolean;
}

/** Proposes a config for the folder and the workloads of the namespace, asks where it can, and writes it. Changes nothing in the cluster. */
export async function runInit(workloads: readonly string[], options: InitOptions, io: Io): Promise<number> {
  const path = resolve(io.cwd, options.config ?? `kinsync.config.${options.format ?? "yaml"}`);
  const format = options.format ?? formatOf(path);
  await refuseOverwrite(path, io.cwd, options.force);
  const questions = options.yes ? undefined : await createQuestions(options, io);
  const folder = dirname(path);
  const hint = "Name a file in a folder that exists and that you may write to: `--config FILE`.";
  if (!isFolder(folder)) throw new KinsyncError("KINSYNC_USAGE", `${folder} is not a folder`, { hint });
  try {
    const { config, notes } = await propose(workloads, { options, io, folder, questions });
    await checkConfig(config, options, io, folder);
    const text = await formatConfig(config, format);
    await writeFile(path, text, { flag: options.force ? "w" : "wx" }).catch((error: unknown) => {
      throw fileProblem(error, `${path} cannot be written`, hint);
    });
    report(config, notes, { file: relative(io.cwd, path), options, io });
    return EXIT.done;
  } catch (error) {
    if (error instanceof Cancelled) return error.exitCode;
    throw error;
  }
}

interface Proposing {
  readonly options: InitOptions;
  readonly io: Io;
  readonly folder: string;
  readonly questions: Questions | undefined;
}

async function propose(
  names: readonly string[],
  { options, io, folder, questions }: Proposing,
): Promise<{ readonly config: ProposedConfig; readonly notes: readonly string[] }> {
  const imported = await importedRules(options, folder);
  const notes: string[] = [];
  const { cluster, problem } = await lookAtCluster(options, io);
  await using _cluster = cluster;
  if (problem !== undefined) notes.push(`the cluster was not read: ${problem.message}`);
  for (const each of cluster?.problems ?? []) notes.push(each.message);
  notes.push(...(cluster?.notes ?? []));
  const chosen = await chooseWorkloads({ names, imported, cluster, problem, questions });
  const proposed: ProposedWorkload[] = [];
  for (const each of chosen) {
    proposed.push(await proposeWorkload(each, cluster, notes, { options, io, folder, questions }));
  }
  return {
    config: {
      context: await contextToAllow(cluster, options, notes, questions),
      workloads: proposed.filter(({ sync }) => sync.length > 0),
      leftOut: imported?.leftOut ?? [],
    },
    notes: [...new Set(notes)],
  };
}

async function importedRules({ from }: InitOptions, folder: string): Promise<Imported | undefined> {
  if (from === undefined) return undefined;
  const { readForeign } = await import("./import/read-foreign.ts");
  const imported = await readForeign(folder, from);
  if (imported.entries.length > 0) return imported;
  throw new KinsyncError("KINSYNC_USAGE", `${from} has no sync rule that kinsync can carry over`, {
    hint: imported.leftOut[0] ?? "Leave --from out: kinsync then proposes rules from the Dockerfile.",
    details: { leftOut: imported.leftOut },
  });
}

/** Without a cluster, a config for named workloads can still be written. */
async function lookAtCluster(
  options: InitOptions,
  io: Io,
): Promise<{ readonly cluster: ClusterFacts | undefined; readonly problem: Error | undefined }> {
  try {
    const { readCluster } = await import("./read-cluster.ts");
    return { cluster: await readCluster(options, io), problem: undefined };
  } catch (error) {
    io.signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return { cluster: undefined, problem: error };
  }
}

async function proposeWorkload(
  { workload, namespace: own, imported }: ChosenWorkload,
  cluster: ClusterFacts | undefined,
  notes: string[],
  { options, folder, questions }: Proposing,
): Promise<ProposedWorkload> {
  const namespace = own ?? options.namespace;
  const facts = (await cluster?.factsOf(workload, namespace)) ?? { containers: [], defaultContainer: undefined };
  const importedContainer = imported.find(({ container }) => container !== undefined)?.container;
  let container = options.container ?? importedContainer;
  if (
    container !== undefined &&
    facts.containers.length > 0 &&
    facts.containers.every(({ name }) => name !== container)
  ) {
    const known = facts.containers.map(({ name }) => name);
    throw new KinsyncError("KINSYNC_RESOLVE_CONTAINER", `${workload} has no container ${container}`, {
      hint: `It has ${known.join(", ")}.`,
      details: { containers: known },
    });
  }
  if (container === undefined && facts.containers.length > 1) {
    container = questions === undefined ? facts.defaultContainer : await questions.container(workload, facts);
  }
  const target = facts.containers.find(({ name }) => name === (container ?? facts.defaultContainer));
  let rules: readonly ProposedRule[] = imported.flatMap(({ sync }) => sync);
  if (options.sync.length > 0) {
    rules = rulesOfFlags(options.sync, "from the command line").map((rule) => ({
      ...rule,
      ...ignoreFilesFor(folder, rule.from, options.dockerfile),
    }));
  } else if (imported.length === 0) {
    const read = await readFolder(folder, options.dockerfile, target?.workingDirectory);
    ({ rules } = read);
    notes.push(...read.notes);
  }
  if (questions !== undefined && options.sync.length === 0) rules = await questions.rules(workload, rules);
  const run: readonly ProposedRun[] = imported.flatMap((each) => each.run);
  return {
    workload,
    namespace,
    container,
    sync: rules.map((rule) =>
      options.ignore.length === 0 ? rule : { ...rule, ignore: [...(rule.ignore ?? []), ...options.ignore] },
    ),
    run,
  };
}

/** The context, where writing to it needs an entry and the user wants it: named by flag, or asked. */
async function contextToAllow(
  cluster: ClusterFacts | undefined,
  { context: named }: InitOptions,
  notes: string[],
  questions: Questions | undefined,
): Promise<string | undefined> {
  const context = cluster?.context;
  const { isLocalContext } = await import("@kinsync/core/project");
  if (context === undefined || isLocalContext(context)) return undefined;
  if (named === context || (await questions?.allowContext(context)) === true) return context;
  notes.push(`${context} is not a known local cluster: add it to \`contexts\` of the config before \`kinsync up\``);
  return undefined;
}

/** As `config check` checks it. Nothing is written that it would refuse. */
async function checkConfig(config: ProposedConfig, options: InitOptions, io: Io, folder: string): Promise<void> {
  if (config.workloads.length === 0) {
    throw new KinsyncError("KINSYNC_USAGE", "No sync rule is left", {
      hint: "Name what goes where: kinsync init deployment/web --sync src:/app/src",
    });
  }
  const { inspectConfig } = await import("@kinsync/core/project");
  const { config: _config, namespace: _namespace, selector: _selector, profiles: _profiles, ...rest } = options;
  const base = projectOptions(
    { ...rest, config: undefined, namespace: undefined, selector: undefined, profiles: [] },
    io,
    {},
  );
  await inspectConfig({ ...base, cwd: folder, inline: valueOf(config) });
}

/** Throws `KINSYNC_USAGE` where the folder has a config, and `force` does not replace that very file. */
async function refuseOverwrite(path: string, cwd: string, force: boolean): Promise<void> {
  const folder = dirname(path);
  const names = CONFIG_FILES.filter((name) => name !== "package.json");
  for (const name of new Set([basename(path), ...names])) {
    const isThere = await access(join(folder, name)).then(
      () => true,
      () => false,
    );
    const isSame = name === basename(path);
    if (!isThere || (isSame && force)) continue;
    const shown = relative(cwd, join(folder, name));
    throw new KinsyncError("KINSYNC_USAGE", `${shown} exists already`, {
      hint: isSame
        ? "To replace it, add --force. To write another file, name it with --config FILE."
        : "Two configs in one folder are an error. Remove it first, or name it with --config FILE --force to replace it.",
    });
  }
}

function formatOf(path: string): ConfigFormat {
  const extension = /\.(?:(ya?ml)|(json)|([cm]?ts))$/.exec(path);
  if (extension?.[1] !== undefined) return "yaml";
  if (extension?.[2] !== undefined) return "json";
  if (extension?.[3] !== undefined) return "ts";
  throw new KinsyncError("KINSYNC_USAGE", `${basename(path)} does not end in .yaml, .json or .ts`, {
    hint: "For example: --config kinsync.config.yaml",
  });
}

interface Reporting {
  readonly file: string;
  readonly options: InitOptions;
  readonly io: Io;
}

function report(config: ProposedConfig, notes: readonly string[], { file, options, io }: Reporting): void {
  const { workloads, leftOut } = config;
  if (options.json) {
    const line = { file, config: valueOf(config), notes, leftOut };
    io.stdout.write(`${JSON.stringify(cleanData(line))}\n`);
    return;
  }
  const paint = createPaint(io.stdout, io.env, options.color);
  const rules = workloads.flatMap(({ sync }) => sync).length;
  const lines = [
    `${paint("green", "wrote")} ${clean(file)}: ${count(workloads.length, "workload")}, ${count(rules, "sync rule")}`,
    ...workloads.flatMap(({ workload, sync }) =>
      sync.map(
        ({ from, to, because }) =>
          `  ${clean(workload)}: ${clean(from)} -> ${clean(to)}  ${paint("dim", clean(because))}`,
      ),
    ),
    ...notes.map((note) => `${paint("cyan", "note:")} ${clean(note)}`),
    ...leftOut.map((each) => `${paint("yellow", "not carried over:")} ${clean(each)}`),
    "Next: `kinsync plan` shows what would be written, `kinsync up` keeps the containers up to date.",
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}
