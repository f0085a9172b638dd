import { parseArgs } from "node:util";
import { SIZES, TABLES } from "../report/tables.ts";
import type { TableName } from "../report/tables.ts";

/** What a run of `npm run bench:cluster` measures. */
export interface ClusterBenchOptions {
  /** `undefined`: a cluster of its own. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly tables: readonly TableName[];
  /** How often each way is measured: saves, and transfers. */
  readonly rounds: number;
  readonly turns: number;
  readonly sizes: readonly number[];
  readonly files: number;
  readonly mebibytes: number;
  /** Tables that are measured at the size that goals speak of. */
  readonly judged: readonly TableName[];
  /** Whether all tables are, with all sizes. */
  readonly whole: boolean;
  readonly write: boolean;
  readonly help: boolean;
}

export const HELP = `npm run bench:cluster -- [OPTIONS]

Builds kinsync, brings up a Kubernetes of its own (root, Debian), measures inside of its node, says which goals are met, and takes it
down. A whole run takes tens of minutes.

  --kubeconfig F  measure on this cluster; namespaces made here are removed. Run it where its containers run, as root
  --context C     context of that kubeconfig
  --rounds N      saves of each way; default: 20
  --turns N       transfers of each way; default: 20
  --pods N,N      sizes of the groups; default: ${SIZES.join(",")}
  --only T,T      tables: ${Object.keys(TABLES).join(", ")}; default: all
  --files N       files of first-sync; default: 10000
  --mib N         size of big-file; default: 100
  --smoke         one of each, small, within a minute: whether it works; its figures say nothing
  --write         writes the results into docs/benchmarks.md
`;

/** @throws with a sentence for people where the options make no sense. */
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
  if (write && !whole) throw new Error("--write takes whole runs alone: no --smoke, --pods, --only, --files, --mib");
  const tables =
    values.only === undefined ? (Object.keys(TABLES) as TableName[]) : values.only.split(",").map(tableNamed);
  const small = { "first-sync": values.files, "big-file": values.mib, save: undefined, "save-python": undefined };
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
  if (!Object.hasOwn(TABLES, name)) throw new Error(`--only ${name}: there are ${Object.keys(TABLES).join(", ")}`);
  return name as TableName;
}

function count(option: string, value: string | undefined, normally: number): number {
  if (value === undefined) return normally;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${option} ${value}: it takes whole numbers from 1 on`);
  return number;
}
