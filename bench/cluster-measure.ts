// Measures on the cluster of --kubeconfig, with the built kinsync. Started by cluster.ts for `npm run bench:cluster`.
import { join, resolve } from "node:path";
import { parseClusterOptions } from "./harness/cluster-options.ts";
import type { ClusterBenchOptions } from "./harness/cluster-options.ts";
import { writeResults } from "./report/results-page.ts";
import { Figures, figuresAsText, verdictsAsText } from "./report/figures.ts";
import { goalsOf } from "./report/goals.ts";
import { readEnvironment, toolsOf } from "./report/machine.ts";
import type { Environment } from "./report/machine.ts";
import { print, table } from "./report/format.ts";
import { measureFar } from "./parts/far.ts";
import { measureSave } from "./parts/save.ts";
import { rowsOf } from "./report/tables.ts";
import type { TableName } from "./report/tables.ts";
import { measureBigFile, measureFirstSync } from "./parts/transfer.ts";
import type { BenchCluster } from "./harness/bench-cluster.ts";
import { openBenchCluster } from "./harness/open-bench-cluster.ts";

const PAGE = resolve(import.meta.dirname, "..", "docs", "benchmarks.md");

/** The measurements with one image, in a namespace of their own, so that the pods of one part do not disturb the next. */
interface Part {
  readonly image: string;
  readonly measures: Readonly<Partial<Record<TableName, Measure>>>;
}

type Measure = (cluster: BenchCluster, figures: Figures, options: ClusterBenchOptions) => Promise<void>;

const TRANSFERS = { "first-sync": measureFirstSync, "big-file": measureBigFile };

const PARTS: readonly Part[] = [
  { image: "localhost/busybox:1", measures: { save: measureSave } },
  { image: "localhost/python:1", measures: { "save-python": measureSave } },
  { image: "localhost/busybox:1", measures: TRANSFERS },
  { image: "localhost/debian:1", measures: TRANSFERS },
  { image: "localhost/busybox:1", measures: { far: measureFar } },
];

const options = parseClusterOptions(process.argv.slice(2));
let current: BenchCluster | undefined;

/** Measures one part after the other. */
async function measureAll(figures: Figures): Promise<Environment> {
  let environment: Environment | undefined;
  const tools = new Map<string, string>();
  for (const { image, measures } of PARTS) {
    const wanted = options.tables.flatMap((table) => {
      const measure = measures[table];
      return measure === undefined ? [] : [{ table, measure }];
    });
    if (wanted.length === 0) continue;
    current = await openBenchCluster({ ...options, image, command: undefined, form: "built" });
    try {
      environment ??= await readEnvironment(current);
      if (!tools.has(image)) {
        const [pod = ""] = (await current.createGroup(1)).pods;
        tools.set(image, await toolsOf(current, pod));
      }
      for (const { table, measure } of wanted) {
        const began = performance.now();
        await measure(current, figures, options);
        process.stderr.write(`${table} on ${image}: ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
      }
    } finally {
      await current[Symbol.asyncDispose]();
      current = undefined;
    }
  }
  const images = [...tools].map(([image, version]) => `${image} (${version})`).join(", ");
  return new Map([...(environment ?? []), ["images", images]]);
}

process.once("SIGINT", () => exit(130));
process.once("SIGTERM", () => exit(143));

function exit(code: number): void {
  void Promise.resolve(current?.[Symbol.asyncDispose]()).finally(() => process.exit(code));
}

const figures = new Figures();
const environment = await measureAll(figures);
const verdicts = figures.judge(goalsOf(options.judged)).filter(({ value }) => options.whole || value !== undefined);
const results = [
  "## Results",
  table(["", "this run"], [...environment], 2),
  "### Goals",
  verdicts.length === 0 ? "This run measured no goal." : verdictsAsText(verdicts),
  figuresAsText(figures),
].join("\n\n");
print(`\n${results}`);
if (!options.whole) print("\nNot a whole run: goals that were not measured are omitted.");
const missing = rowsOf(options.tables, options.sizes).filter((row) => !figures.has(row));
if (missing.length > 0) throw new Error(`not measured: ${missing.join(", ")}`);
if (options.write) {
  await writeResults(PAGE, results);
  process.stderr.write(`written into ${join("docs", "benchmarks.md")}\n`);
}
process.exit();
