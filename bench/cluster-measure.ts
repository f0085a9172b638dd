// The measuring part of `npm run bench:cluster`: on the cluster of --kubeconfig, with kinsync as it was built. Started by cluster.ts.
import { join, resolve } from "node:path";
import { parseClusterOptions } from "./harness/cluster-options.ts";
import type { ClusterBenchOptions } from "./harness/cluster-options.ts";
import { writeResults } from "./report/results-page.ts";
import { Figures, figuresAsText, verdictsAsText } from "./report/figures.ts";
import { goalsOf } from "./report/goals.ts";
import { circumstances, toolsOf } from "./report/machine.ts";
import type { Circumstances } from "./report/machine.ts";
import { say, table } from "./report/format.ts";
import { measureSave } from "./parts/save.ts";
import { rowsOf } from "./report/tables.ts";
import type { TableName } from "./report/tables.ts";
import { measureBigFile, measureFirstSync } from "./parts/transfer.ts";
import { createWorld } from "./harness/bench-cluster.ts";
import type { World } from "./harness/bench-cluster.ts";

const PAGE = resolve(import.meta.dirname, "..", "docs", "benchmarks.md");

/** What is measured with one image, in a namespace of its own, so that the pods of one part do not weigh on the next. */
interface Part {
  readonly image: string;
  readonly measures: Readonly<Partial<Record<TableName, Measure>>>;
}

type Measure = (world: World, figures: Figures, options: ClusterBenchOptions) => Promise<void>;

const TRANSFERS = { "first-sync": measureFirstSync, "big-file": measureBigFile };

const PARTS: readonly Part[] = [
  { image: "localhost/busybox:1", measures: { save: measureSave } },
  { image: "localhost/python:1", measures: { "save-python": measureSave } },
  { image: "localhost/busybox:1", measures: TRANSFERS },
  { image: "localhost/debian:1", measures: TRANSFERS },
];

const options = parseClusterOptions(process.argv.slice(2));
let current: World | undefined;

/** Measures one part after the other. */
async function measureAll(figures: Figures): Promise<Circumstances> {
  let all: Circumstances | undefined;
  const tools = new Map<string, string>();
  for (const { image, measures } of PARTS) {
    const wanted = options.tables.flatMap((table) => {
      const measure = measures[table];
      return measure === undefined ? [] : [{ table, measure }];
    });
    if (wanted.length === 0) continue;
    current = await createWorld({ ...options, image, command: undefined, form: "built" });
    try {
      all ??= await circumstances(current);
      if (!tools.has(image)) {
        const [pod = ""] = (await current.group(1)).pods;
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
  const images = [...tools].map(([image, has]) => `${image} (${has})`).join(", ");
  return new Map([...(all ?? []), ["images", images]]);
}

process.once("SIGINT", () => leave(130));
process.once("SIGTERM", () => leave(143));

function leave(code: number): void {
  void Promise.resolve(current?.[Symbol.asyncDispose]()).finally(() => process.exit(code));
}

const figures = new Figures();
const made = await measureAll(figures);
const verdicts = figures.judge(goalsOf(options.judged)).filter(({ value }) => options.whole || value !== undefined);
const results = [
  "## Results",
  table(["", "this run"], [...made], 2),
  "### Goals",
  verdicts.length === 0 ? "None can be judged by this run." : verdictsAsText(verdicts),
  figuresAsText(figures),
].join("\n\n");
say(`\n${results}`);
if (!options.whole) say("\nNot a whole run: what was not measured is left out of the goals.");
const missing = rowsOf(options.tables, options.sizes).filter((row) => !figures.has(row));
if (missing.length > 0) throw new Error(`not measured: ${missing.join(", ")}`);
if (options.write) {
  await writeResults(PAGE, results);
  process.stderr.write(`written into ${join("docs", "benchmarks.md")}\n`);
}
process.exit();
