import { isAbsolute, relative } from "node:path";
import { KinsyncError } from "@kinsync/core/contract";
import { clean } from "../render/text.ts";
import { connectToRuns, type ControlClient } from "./client.ts";
import { isSelected } from "./selection.ts";

export interface RunChoice {
  /** Id of a run, as messages show it. */
  readonly run: string | undefined;
  readonly workload: string | undefined;
  readonly namespace: string | undefined;
  readonly context: string | undefined;
  /** Where the command was started. Without an id and a workload, a run of this folder is meant, of one above it or of one in it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Connects to the run that is meant: by its id, by a workload that it has, or the one of this folder.
 * @throws `KINSYNC_CONTROL_NO_RUN` where there is none, `KINSYNC_CONTROL_SEVERAL` where it is not clear which
 */
export async function connectToRun(choice: RunChoice): Promise<ControlClient> {
  const all = await connectToRuns(choice.env);
  const chosen = chooseRun(all, choice);
  for (const client of all) if (client !== chosen) client[Symbol.dispose]();
  if (chosen instanceof KinsyncError) throw chosen;
  return chosen;
}

function chooseRun(all: readonly ControlClient[], choice: RunChoice): ControlClient | KinsyncError {
  const { run, workload, namespace, cwd } = choice;
  const fitting = all.filter(({ greeting }) => fits(greeting, choice));
  const isNamed = run !== undefined || workload !== undefined || namespace !== undefined;
  const around = fitting.filter(({ greeting: { folder } }) => isIn(cwd, folder) || isIn(folder, cwd));
  const near = isNamed ? fitting : around;
  const here = around.filter(({ greeting: { folder } }) => folder === cwd);
  const [chosen] = [here, around, near].find(({ length }) => length === 1) ?? [];
  if (chosen !== undefined) return chosen;
  if (near.length > 1) {
    const hint = `Name one of them: ${near.map(nameOf).join("; ")}.`;
    return new KinsyncError("KINSYNC_CONTROL_SEVERAL", `${near.length} runs of \`kinsync up\` fit`, { hint });
  }
  const what = run === undefined ? (workload === undefined ? " of this folder" : ` for ${workload}`) : ` ${run}`;
  const others = all.map(nameOf).join("; ");
  return new KinsyncError(
    "KINSYNC_CONTROL_NO_RUN",
    `no \`kinsync up\`${what} runs on this machine`,
    others === "" ? {} : { hint: `Start it, or name one that runs: ${others}.` },
  );
}

function nameOf({ greeting: { run, pid, folder, workloads } }: ControlClient): string {
  const names = workloads.map(({ workload }) => workload).join(", ");
  return clean(`--run ${run} (process ${pid} in ${folder}: ${names})`);
}

function isIn(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside === "" || (!inside.startsWith("..") && !isAbsolute(inside));
}

function fits(greeting: ControlClient["greeting"], choice: RunChoice): boolean {
  const { run, workload, namespace, context } = choice;
  if (run !== undefined && greeting.run !== run) return false;
  if (context !== undefined && greeting.context !== context) return false;
  if (workload === undefined && namespace === undefined) return true;
  return greeting.workloads.some((each) => isSelected(choice, each));
}
