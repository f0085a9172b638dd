import { posix } from "node:path";
import { readDockerfileAt } from "../read-folder.ts";
import type { Imported, ImportedEntry, ProposedRule, ProposedRun } from "../proposal.ts";
import { isSameImage, readManifests } from "./manifests.ts";
import { findCalls, type Call, type Expression } from "./starlark.ts";

const BUILDS = ["docker_build", "custom_build", "docker_build_with_restart", "custom_build_with_restart"];

/** Why a step of `live_update` is left out. */
const STEPS: Readonly<Record<string, string>> = {
  restart_container: "kinsync restarts no containers; restart the process with `run`",
  fall_back_on: "kinsync builds no images; Tilt does, and `kinsync up` follows the new pods",
  full_rebuild_on: "kinsync builds no images; Tilt does, and `kinsync up` follows the new pods",
  initial_sync: "kinsync brings every new container up to date",
};

interface TiltRead {
  readonly folder: string;
  readonly name: string;
  readonly leftOut: string[];
}

/** Reads `live_update` of the image builds of a Tiltfile, as far as it is written in literals. Runs nothing. */
export async function importTiltfile(folder: string, text: string, name: string): Promise<Imported> {
  const leftOut: string[] = [];
  const entries: ImportedEntry[] = [];
  const calls = findCalls(text, new Set([...BUILDS, "k8s_yaml"]));
  const globs = calls
    .filter((call) => call.name === "k8s_yaml")
    .flatMap(({ positional: [files] }) => stringsOf(files) ?? []);
  const workloads = await readManifests(folder, globs);
  for (const call of calls.filter((each) => each.name !== "k8s_yaml")) {
    const steps = call.named.get("live_update");
    if (steps === undefined) continue;
    const image = textOf(call.named.get("ref") ?? call.positional[0]);
    const where = `${name}:${call.line}`;
    if (image === undefined) leftOut.push(`${where}: ${call.name} of an image whose name is computed`);
    if (call.name.endsWith("_with_restart"))
      leftOut.push(`${where}: the restart after an update; restart the process with \`run\``);
    const read = await readSteps(steps, call, { folder, name, leftOut });
    if (read.sync.length === 0) continue;
    const images = image === undefined ? [] : [image];
    const owners = workloads.filter((each) =>
      each.images.some((one) => image !== undefined && isSameImage(one, image)),
    );
    if (owners.length === 0) entries.push({ images, workload: undefined, ...read });
    for (const { workload, namespace } of owners) entries.push({ images, workload, namespace, ...read });
  }
  return { entries, leftOut };
}

async function readSteps(
  steps: Expression,
  build: Call,
  { folder, name, leftOut }: TiltRead,
): Promise<{ readonly sync: readonly ProposedRule[]; readonly run: readonly ProposedRun[] }> {
  const sync: ProposedRule[] = [];
  const run: ProposedRun[] = [];
  if (steps.type !== "list") {
    leftOut.push(`${name}:${steps.line}: live_update is computed: ${describe(steps)}`);
    return { sync, run };
  }
  const workingDirectory = await workingDirectoryOf(folder, build);
  for (const step of steps.items) {
    const where = `${name}:${step.line}`;
    if (step.type !== "call") {
      leftOut.push(`${where}: a step of live_update that is computed: ${describe(step)}`);
    } else if (step.call.name === "sync") {
      const rule = ruleOf(step.call, where, workingDirectory);
      if (rule === undefined) leftOut.push(`${where}: sync with a path that is computed`);
      else sync.push(rule);
    } else if (step.call.name === "run") {
      const action = runOf(step.call, where, sync);
      if (action === undefined) leftOut.push(`${where}: run with a command that is computed`);
      else run.push(action);
    } else {
      leftOut.push(`${where}: ${step.call.name}; ${STEPS[step.call.name] ?? "kinsync has no such step"}`);
    }
  }
  return { sync: withIgnores(sync, build, { folder, name, leftOut }), run };
}

/** Of the image, for container paths that are relative. */
async function workingDirectoryOf(folder: string, build: Call): Promise<string | undefined> {
  const context = textOf(build.named.get("context") ?? build.positional[1]) ?? ".";
  const file = textOf(build.named.get("dockerfile")) ?? posix.join(context, "Dockerfile");
  return (await readDockerfileAt(folder, file))?.workingDirectory;
}

function ruleOf(
  { positional, named }: Call,
  where: string,
  workingDirectory: string | undefined,
): ProposedRule | undefined {
  const local = textOf(named.get("local_path") ?? positional[0]);
  const remote = textOf(named.get("remote_path") ?? positional[1]);
  if (local === undefined || remote === undefined) return undefined;
  const from = posix.normalize(local).replace(/(?<=.)\/$/, "");
  const to = posix.isAbsolute(remote) ? remote : posix.join(workingDirectory ?? "", remote);
  return { from, to: to.replace(/(?<=.)\/$/, ""), because: `sync in ${where}` };
}

function runOf({ positional, named }: Call, where: string, sync: readonly ProposedRule[]): ProposedRun | undefined {
  const given = named.get("cmd") ?? named.get("cmds") ?? positional[0];
  const command = textOf(given) ?? stringsOf(given);
  const trigger = named.get("trigger") ?? positional[1];
  const paths = trigger === undefined ? ["**"] : stringsOf(trigger);
  if (command === undefined || paths === undefined) return undefined;
  // Tilt's triggers are local paths; those of kinsync begin at `from` of the rule.
  const when = paths.map((path) => {
    const rule = sync.find(({ from }) => !posix.relative(from, posix.normalize(path)).startsWith(".."));
    return rule === undefined || path === "**"
      ? path
      : posix.relative(rule.from, posix.normalize(path)) || posix.basename(path);
  });
  return { when, command, because: `run in ${where}` };
}

/** `ignore` of the build, in the rules of the whole context. */
function withIgnores(sync: readonly ProposedRule[], build: Call, { name, leftOut }: TiltRead): readonly ProposedRule[] {
  const given = build.named.get("ignore");
  const context = posix
    .normalize(textOf(build.named.get("context") ?? build.positional[1]) ?? ".")
    .replace(/(?<=.)\/$/, "");
  if (build.named.has("only")) leftOut.push(`${name}:${build.line}: \`only\` of ${build.name}; write it as \`ignore\``);
  if (given === undefined) return sync;
  const patterns = stringsOf(given);
  if (patterns === undefined || sync.every(({ from }) => from !== context)) {
    leftOut.push(`${name}:${given.line}: \`ignore\` of ${build.name}; its paths begin at ${context}`);
    return sync;
  }
  // A .dockerignore pattern begins at the context, and so does one of gitignore with a slash in front.
  const ignore = patterns.map((each) =>
    each.startsWith("!") || each.startsWith("**") ? each : `/${each.replace(/^\.?\//, "")}`,
  );
  return sync.map((rule) => (rule.from === context ? { ...rule, ignore } : rule));
}

function textOf(expression: Expression | undefined): string | undefined {
  return expression?.type === "string" ? expression.value : undefined;
}

/** A string, or a list of nothing but strings. */
function stringsOf(expression: Expression | undefined): readonly string[] | undefined {
  if (expression?.type === "string") return [expression.value];
  if (expression?.type !== "list") return undefined;
  const strings = expression.items.map(textOf);
  return strings.every((each) => each !== undefined) ? strings : undefined;
}

function describe(expression: Expression): string {
  if (expression.type === "unknown") return expression.text;
  return expression.type === "call" ? `${expression.call.name}(...)` : expression.type;
}
