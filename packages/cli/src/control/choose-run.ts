import { KinsyncError } from "@kinsync/core/contract";
import { clean } from "../render/text.ts";
import { connectToRuns, type ControlClient } from "./client.ts";

export interface RunChoice {
  /** Id of a run, as messages show it. */
  readonly run: string | undefined;
  readonly workload: string | undefined;
  readonly namespace: string | undefined;
  /** Where the command was started: a run that was started there is preferred. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Connects to the run that is meant: by its id, by a workload that it has, or the one that was started in this folder.
 * @throws `KINSYNC_CONTROL_NO_RUN` where there is none, `KINSYNC_CONTROL_SEVERAL` where it is not clear which
 */
export async function connectToRun(choice: RunChoice): Promise<ControlClient> {
  const client = await findRun(choice);
  if (client !== undefined) return client;
  const { run, workload } = choice;
  const what = run === undefined ? (workload === undefined ? "" : ` for ${workload}`) : ` ${run}`;
  throw new KinsyncError("KINSYNC_CONTROL_NO_RUN", `no \`kinsync up\`${what} of this user runs on this machine`);
}

/** The same; `undefined` where there is none. */
export async function findRun(choice: RunChoice): Promise<ControlClient | undefined> {
  const all = await connectToRuns(choice.env);
  const fitting = all.filter(({ greeting }) => fits(greeting, choice));
  const here = fitting.filter(({ greeting }) => greeting.folder === choice.cwd);
  const [chosen] = fitting.length === 1 ? fitting : here;
  for (const client of all) if (client !== chosen) client[Symbol.dispose]();
  if (fitting.length <= 1 || here.length === 1) return chosen;
  chosen?.[Symbol.dispose]();
  const list = fitting.map(({ greeting: { run, pid, folder, workloads } }) => {
    const names = workloads.map(({ workload }) => workload).join(", ");
    return clean(`--run ${run} (process ${pid} in ${folder}: ${names})`);
  });
  throw new KinsyncError("KINSYNC_CONTROL_SEVERAL", `${fitting.length} runs of \`kinsync up\` fit`, {
    hint: `Name one of them: ${list.join("; ")}.`,
  });
}

function fits(greeting: ControlClient["greeting"], { run, workload, namespace }: RunChoice): boolean {
  if (run !== undefined && greeting.run !== run) return false;
  if (workload === undefined && namespace === undefined) return true;
  return greeting.workloads.some(
    (each) => (workload ?? each.workload) === each.workload && (namespace ?? each.namespace) === each.namespace,
  );
}
