import { parseArgs } from "node:util";
import { SIZES, TABLES } from "../report/tables.ts";
import type { TableName } from "../report/tables.ts";

/** Options of `npm run bench:cluster`. */
export interface ClusterBenchOptions {
  /** `undefined`: on a cluster of its own. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly tables: readonly TableName[];
  /** Number of measurements of each way: saves, and transfers. */
  readonly rounds: number;
  readonly turns: number;
  readonly sizes: readonly number[];
  readonly files: number;
  readonly mebibytes: number;
  /** Tables that are measured with the sizes of the goals. */
  readonly judged: readonly TableName[];
  /** Whether all tables are measured with these sizes. */
  readonly whole: boolean;
  readonly write: boolean;
  readonly help: boolean;
}

export const HELP = `npm run bench:cluster -- [OPTIONS]

Builds kinsync, starts a Kubernetes of its own (root, Debian), measures inside its node, prints which goals are met, and removes the
cluster. A whole run takes tens of minutes.

  --kubeconfig F  measure on this cluster, in namespaces that are deleted afterwards. Run it as root on the machine of the containers
  --context C     context of that kubeconfig
  --rounds N      saves of each way; default: 20
  --turns N       transfers of each way; default: 20
  --pods N,N      sizes of the groups; default: ${SIZES.join(",")}
  --only T,T      tables: ${Object.keys(TABLES).join(", ")}; default: all
  --files N       files of first-sync; default: 10000
  --mib N         size of big-file; default: 100
  --smoke         one small measurement of each within a minute, to test the benchmark; its figures mean nothing
  --write         write the results into docs/benchmarks.md
`;

/** @throws with a message for the user if the options are invalid */
export function parseClusterOptions(args: readonly string[]): ClusterBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kubeconfig: { type: "string" },
      context: { type: "string" },
      rounds: { type: "string" },
      turns: { type: "string" },
      pods: { type: "string" },
      only: { type: "string" },
      files: { type: "string" },
      mib: { type: "string" },
      smoke: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { smoke, write, help, kubeconfig, context } = values;
  const whole = !smoke && [values.pods, values.only, values.files, values.mib].every((value) => value === undefined);
  if (write && !whole) throw new Error("--write requires a whole run: omit --smoke, --pods, --only, --files, --mib");
  const tables =
    values.only === undefined ? (Object.keys(TABLES) as TableName[]) : values.only.split(",").map(tableNamed);
  const small = {
    "first-sync": values.files,
    "big-file": values.mib,
    save: undefined,
    "save-python": undefined,
    far: undefined,
  };
  return {
    kubeconfig,
    context,
    tables,
    judged: smoke ? [] : tables.filter((table) => small[table] === undefined),
    rounds: count("--rounds", values.rounds, smoke ? 1 : 20),
    turns: count("--turns", values.turns, smoke ? 1 : 20),
    sizes:
      values.pods === undefined
        ? smoke
          ? [1]
          : SIZES
        : values.pods.split(",").map((size) => count("--pods", size, 1)),
    files: count("--files", values.files, smoke ? 200 : 10_000),
    mebibytes: count("--mib", values.mib, smoke ? 4 : 100),
    whole,
    write,
    help,
  };
}

function tableNamed(name: string): TableName {
  if (!Object.hasOwn(TABLES, name))
    throw new Error(`--only ${name} is not a table; tables are ${Object.keys(TABLES).join(", ")}`);
  return name as TableName;
}

function count(option: string, value: string | undefined, normally: number): number {
  if (value === undefined) return normally;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${option} ${value} is not a whole number from 1`);
  return number;
}
