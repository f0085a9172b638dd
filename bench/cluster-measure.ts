// The measuring part of `npm run bench:cluster`: on the cluster of --kubeconfig, with kinsync as it was built. Started by cluster.ts.
import { join, resolve } from "node:path";
import { parseClusterOptions } from "./cluster-options.ts";
import type { ClusterBenchOptions } from "./cluster-options.ts";
import { writeResults } from "./document.ts";
import { Figures, figuresAsText, verdictsAsText } from "./figures.ts";
import { goalsOf } from "./goals.ts";
import { circumstances, toolsOf } from "./machine.ts";
import type { Circumstances } from "./machine.ts";
import { say, table } from "./report.ts";
import { measureSave } from "./save.ts";
import { allRows } from "./tables.ts";
import type { TableName } from "./tables.ts";
import { measureBigFile, measureFirstSync } from "./transfer.ts";
import { createWorld } from "./world.ts";
import type { World } from "./world.ts";

const PAGE = resolve(import.meta.dirname, "..", "docs", "benchmarks.md");

/** What is measured with one image, in a namespace of its own, so that the pods of one part do not weigh on the next. */
interface Part {
  readonly table: TableName;
  readonly image: string;
  readonly measure: (world: World, figures: Figures, options: ClusterBenchOptions) => Promise<void>;
}

const PARTS: readonly Part[] = [
  { table: "save", image: "localhost/busybox:1", measure: measureSave },
  { table: "save-python", image: "localhost/python:1", measure: measureSave },
  { table: "first-sync", image: "localhost/busybox:1", measure: measureFirstSync },
  { table: "first-sync", image: "localhost/debian:1", measure: measureFirstSync },
  { table: "big-file", image: "localhost/busybox:1", measure: measureBigFile },
  { table: "big-file", image: "localhost/debian:1", measure: measureBigFile },
];

const options = parseClusterOptions(process.argv.slice(2));
let current: World | undefined;

/** Measures one part after the other. */
async function measureAll(figures: Figures): Promise<Circumstances> {
  let all: Circumstances | undefined;
  const tools = new Map<string, string>();
  for (const { table, image, measure } of PARTS.filter((part) => options.tables.includes(part.table))) {
    const began = performance.now();
    current = await createWorld({ ...options, image, command: undefined, form: "built" });
    try {
      all ??= await circumstances(current);
      if (!tools.has(image)) {
        const [pod = ""] = (await current.group(1)).pods;
        tools.set(image, await toolsOf(current, pod));
      }
      await measure(current, figures, options);
    } finally {
      await current[Symbol.asyncDispose]();
      current = undefined;
    }
    process.stderr.write(`${table} on ${image}: ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
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
const missing = options.whole ? allRows().filter((row) => !figures.has(row)) : [];
if (missing.length > 0) throw new Error(`not measured: ${missing.join(", ")}`);
if (options.write) {
  await writeResults(PAGE, results);
  process.stderr.write(`written into ${join("docs", "benchmarks.md")}\n`);
}
process.exit();
