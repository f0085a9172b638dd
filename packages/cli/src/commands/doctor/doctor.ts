import type { OpenTarget, PlannedWorkload, Project } from "@kinsync/core/project";
import { EXIT, exitCodeOf } from "../../exit-code.ts";
import { isKinsyncError } from "@kinsync/core/contract";
import type { Io } from "../../io.ts";
import { createPaint, type Paint } from "../../render/color.ts";
import { clean, cleanData } from "../../render/text.ts";
import { count } from "../../render/units.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";
import { checkRights, checkServer, findingOf } from "./check-cluster.ts";
import { checkContainer, checkTarget } from "./check-container.ts";
import { checkLocalFiles, checkMachine } from "./check-local.ts";
import { ok, warn, type Finding } from "./finding.ts";

/** Containers of a workload whose session is looked at more closely. The others are only compared. */
const MAX_LOOKS = 10;

/**
 * Checks everything that a sync depends on, from the config to the containers, and names the next step where something is wrong. Changes
 * nothing. Exit code 0: a sync would work; else that of the first failure.
 */
export async function runDoctor(workloads: readonly string[], options: SyncOptions, io: Io): Promise<number> {
  const paint = createPaint(io.stdout, io.env, options.color);
  const all: Finding[] = [];
  const report = (findings: readonly Finding[]): void => {
    all.push(...findings);
    if (!options.json) for (const finding of findings) io.stdout.write(formatFinding(finding, paint));
  };
  report(await checkMachine());
  const code = await checkProject(workloads, options, io, report);
  const failed = all.filter(({ status }) => status === "fail").length;
  const warned = all.filter(({ status }) => status === "warn").length;
  if (options.json) {
    io.stdout.write(`${JSON.stringify(cleanData({ ok: failed === 0, findings: all }))}\n`);
  } else {
    const well = `${all.length - failed - warned} ok`;
    io.stdout.write(`\n${well}, ${count(warned, "warning")}, ${count(failed, "failure")}\n`);
  }
  return failed === 0 ? EXIT.done : code;
}

/** The exit code of the first failure. */
async function checkProject(
  workloads: readonly string[],
  options: SyncOptions,
  io: Io,
  report: (findings: readonly Finding[]) => void,
): Promise<number> {
  const { openProject } = await import("@kinsync/core/project");
  const { sync, container, roles, initial } = options;
  let isConnected = false;
  let project: Project;
  try {
    project = await openProject({
      ...projectOptions(options, io, { workloads, sync, container, roles, initial }),
      access: "plan",
      onStep: (step) => {
        if (step.step === "planned") report([ok("config", count(step.workloads.length, "workload"))]);
        if (step.step === "connected") isConnected = true;
      },
    });
  } catch (error) {
    io.signal.throwIfAborted();
    if (!isKinsyncError(error)) throw error;
    report([findingOf(isConnected || error.code.startsWith("KINSYNC_CLUSTER") ? "cluster" : "config", error)]);
    return exitCodeOf(error.code);
  }
  await using opened = project;
  report(await settled("server", () => checkServer(opened.cluster, io.signal), io.signal));
  const rights = await settled("rights", () => checkRights(opened, io.signal), io.signal);
  report(rights);
  const containers = await checkWorkloads(opened, options, io);
  report(containers);
  if (rights.some(({ status }) => status === "fail")) return EXIT.cluster;
  return EXIT.behind;
}

async function checkWorkloads(project: Project, { allowEmpty }: SyncOptions, io: Io): Promise<readonly Finding[]> {
  const looks: Finding[] = [];
  const isOne = new Set(project.workloads.map(({ ref }) => ref.namespace)).size < 2;
  const nameOf: NameOfContainer = (namespace, pod, container) =>
    `pod/${pod}${isOne ? "" : ` (${namespace})`} [${container}]`;
  let looked = 0;
  const onTarget = async (target: OpenTarget): Promise<void> => {
    looked += 1;
    if (looked > MAX_LOOKS) return;
    const { member, container } = target;
    looks.push(...(await checkContainer(target, nameOf(member.namespace, member.name, container.name))));
  };
  return await settled(
    "workload",
    async () => {
      const workloads = await project.plan({ allowEmpty, onTarget, signal: io.signal });
      return [...workloads.flatMap((each) => checkWorkload(each, nameOf)), ...looks];
    },
    io.signal,
  );
}

/** With the namespace where several occur. */
type NameOfContainer = (namespace: string, pod: string, container: string) => string;

function checkWorkload(plan: PlannedWorkload, nameOf: NameOfContainer): readonly Finding[] {
  const { workload, namespace, targets, notes, problems, others } = plan;
  const running = targets.filter(({ status }) => status !== "waiting").length;
  const name = `${workload} in namespace ${namespace}`;
  const sentence = `${name}: ${count(targets.length, "container")}, ${running} running`;
  const why = notes[0] ?? others[0]?.reason ?? "it has no pods";
  return [
    ...checkLocalFiles(plan),
    running > 0
      ? ok("workload", sentence)
      : warn("workload", `${sentence}: ${why}`, "See `kinsync tree` for its pods and their states."),
    ...problems.map(({ code, message, hint }): Finding => ({
      area: "workload",
      status: "warn",
      message: `${code}: ${message}`,
      hint,
    })),
    ...targets.flatMap((target) => checkTarget(target, nameOf(namespace, target.pod, target.container))),
  ];
}

async function settled(
  area: string,
  work: () => Promise<readonly Finding[]>,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return [findingOf(area, error)];
  }
}

const COLORS = { ok: "green", warn: "yellow", fail: "red" } as const;

function formatFinding({ area, status, message, hint }: Finding, paint: Paint): string {
  const line = `${paint(COLORS[status], status.padEnd(4))}  ${clean(area)}: ${clean(message)}\n`;
  return hint === undefined ? line : `${line}      ${paint("cyan", "hint:")} ${clean(hint)}\n`;
}
