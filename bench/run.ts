// npm run bench: measures kinsync against what a user would do instead. See README.md.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Figures, figuresAsText, verdictsAsText } from "./report/figures.ts";
import { goalsOf } from "./report/goals.ts";
import { measureFar } from "./parts/far.ts";
import { benchAgents } from "./parts/agents.ts";
import { benchGang } from "./parts/gang.ts";
import { benchMemory } from "./parts/memory.ts";
import { print } from "./report/format.ts";
import { benchResolve } from "./parts/resolve.ts";
import { benchRules } from "./parts/rules.ts";
import { benchToWorker } from "./parts/to-worker.ts";
import { measureSave } from "./parts/save.ts";
import { benchStart } from "./parts/start.ts";
import type { TableName } from "./report/tables.ts";
import { measureBigFile, measureFirstSync } from "./parts/transfer.ts";
import type { BenchCluster } from "./harness/bench-cluster.ts";
import { openBenchCluster } from "./harness/open-bench-cluster.ts";

const HELP = `npm run bench -- [NAME...] [OPTIONS]

Measures kinsync on a playground, in turns with what a user would do instead and with a floor. Default: all benchmarks.

  NAME            save, first-sync, big-file, far, resolve, start, memory, agents, gang
  --kubeconfig F  measure on this cluster, in a namespace that is deleted afterwards
  --context C     context of that kubeconfig
  --image I       image of the pods; default: localhost/busybox:1, on the playground its own
  --command S     "sh -c" of each pod; default: sleeps
  --built         run the CLI as "npm run build" built it, not from its sources
  --rounds N      measurements of each way; default: 20
  --pods N,N      sizes of the groups; default: 1,5,20
  --files N       files of first-sync; default: 10000
  --mib N         size of big-file; default: 100
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kubeconfig: { type: "string" },
    context: { type: "string" },
    image: { type: "string" },
    command: { type: "string" },
    built: { type: "boolean", default: false },
    rounds: { type: "string", default: "20" },
    pods: { type: "string", default: "1,5,20" },
    files: { type: "string", default: "10000" },
    mib: { type: "string", default: "100" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}

const rounds = Number(values.rounds);
const turns = Math.ceil(rounds / 4);
const sizes = values.pods.split(",").map(Number);

/** Tables that are measured with the sizes of the goals. */
const JUDGED: readonly TableName[] = [
  "save",
  "far",
  ...(values.files === "10000" ? (["first-sync"] as const) : []),
  ...(values.mib === "100" ? (["big-file"] as const) : []),
];

const BENCHES: Readonly<Record<string, (cluster: () => Promise<BenchCluster>) => Promise<void>>> = {
  save: async (cluster) =>
    report(await cluster(), (cluster, figures) => measureSave(cluster, figures, { rounds, sizes })),
  "first-sync": async (cluster) =>
    report(await cluster(), (cluster, figures) =>
      measureFirstSync(cluster, figures, { files: Number(values.files), turns }),
    ),
  "big-file": async (cluster) =>
    report(await cluster(), (cluster, figures) =>
      measureBigFile(cluster, figures, { mebibytes: Number(values.mib), turns }),
    ),
  far: async (cluster) => report(await cluster(), (cluster, figures) => measureFar(cluster, figures, { turns })),
  resolve: async () => {
    await benchResolve(10_000);
    await benchToWorker(10_000);
  },
  rules: () => benchRules(10_000),
  start: async (cluster) => benchStart(await cluster(), rounds),
  agents: async (cluster) => benchAgents(await cluster(), { pods: Math.max(...sizes), saves: Math.ceil(rounds / 2) }),
  gang: async (cluster) => benchGang(await cluster(), { pods: Math.max(...sizes), rounds }),
  memory: async (cluster) => benchMemory(await cluster(), { pods: Math.max(...sizes), saves: rounds * 5 }),
};

const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
const unknown = names.find((name) => BENCHES[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`${unknown} is not a benchmark; benchmarks are ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}

for (const name of names) {
  // A cluster for each, so that the pods of one benchmark do not disturb the next.
  let cluster: BenchCluster | undefined;
  const open = async (): Promise<BenchCluster> => {
    const { kubeconfig, context, image, command } = values;
    cluster ??= await openBenchCluster({
      kubeconfig,
      context,
      image,
      command,
      form: values.built ? "built" : "source",
    });
    print(`\n## ${name}: ${cluster.title}; ${machine()}`);
    return cluster;
  };
  const interrupted = (): void => void close(cluster).finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  try {
    await BENCHES[name]?.(open);
  } finally {
    process.off("SIGINT", interrupted);
    await close(cluster);
  }
}
process.exit();

/** Measures, and prints the figures and the goals that they can be compared with. */
async function report(
  cluster: BenchCluster,
  measure: (cluster: BenchCluster, figures: Figures) => Promise<void>,
): Promise<void> {
  const figures = new Figures();
  await measure(cluster, figures);
  print(`\n${figuresAsText(figures)}`);
  const verdicts = figures.judge(goalsOf(JUDGED)).filter(({ value }) => value !== undefined);
  if (verdicts.length > 0) print(`\n${verdictsAsText(verdicts)}`);
}

async function close(cluster: BenchCluster | undefined): Promise<void> {
  await cluster?.[Symbol.asyncDispose]();
}

function machine(): string {
  let commit = "";
  try {
    commit = `, commit ${execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()}`;
  } catch {
    // This is not a checkout.
  }
  return `Node ${process.versions.node}, ${cpus().length} cores${commit}`;
}
