// npm run bench [-- NAME...] [--kubeconfig F]: see README.md
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Figures, figuresAsText, verdictsAsText } from "./report/figures.ts";
import { goalsOf } from "./report/goals.ts";
import { benchMemory } from "./parts/memory.ts";
import { say } from "./report/format.ts";
import { benchResolve } from "./parts/resolve.ts";
import { measureSave } from "./parts/save.ts";
import { benchStart } from "./parts/start.ts";
import type { TableName } from "./report/tables.ts";
import { measureBigFile, measureFirstSync } from "./parts/transfer.ts";
import { createWorld } from "./harness/bench-cluster.ts";
import type { World } from "./harness/bench-cluster.ts";

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
  },
});

const rounds = Number(values.rounds);
const turns = Math.ceil(rounds / 4);
const sizes = values.pods.split(",").map(Number);

/** Tables at the size that goals speak of. */
const JUDGED: readonly TableName[] = [
  "save",
  ...(values.files === "10000" ? (["first-sync"] as const) : []),
  ...(values.mib === "100" ? (["big-file"] as const) : []),
];

const BENCHES: Readonly<Record<string, (world: () => Promise<World>) => Promise<void>>> = {
  save: async (world) => report(await world(), (world, figures) => measureSave(world, figures, { rounds, sizes })),
  "first-sync": async (world) =>
    report(await world(), (world, figures) => measureFirstSync(world, figures, { files: Number(values.files), turns })),
  "big-file": async (world) =>
    report(await world(), (world, figures) => measureBigFile(world, figures, { mebibytes: Number(values.mib), turns })),
  resolve: () => benchResolve(10_000),
  start: async (world) => benchStart(await world(), rounds),
  memory: async (world) => benchMemory(await world(), { pods: Math.max(...sizes), saves: rounds * 5 }),
};

const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
const unknown = names.find((name) => BENCHES[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`there is no benchmark ${unknown}; there are: ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}

for (const name of names) {
  // A world for each, so that the pods of one do not weigh on the next.
  let world: World | undefined;
  const get = async (): Promise<World> => {
    const { kubeconfig, context, image, command } = values;
    world ??= await createWorld({ kubeconfig, context, image, command, form: values.built ? "built" : "source" });
    say(`\n## ${name}: ${world.title}; ${machine()}`);
    return world;
  };
  const interrupted = (): void => void leave(world).finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  try {
    await BENCHES[name]?.(get);
  } finally {
    process.off("SIGINT", interrupted);
    await leave(world);
  }
}
process.exit();

/** Measures, and tells the figures and those of the goals that can be judged by them. */
async function report(world: World, measure: (world: World, figures: Figures) => Promise<void>): Promise<void> {
  const figures = new Figures();
  await measure(world, figures);
  say(`\n${figuresAsText(figures)}`);
  const verdicts = figures.judge(goalsOf(JUDGED)).filter(({ value }) => value !== undefined);
  if (verdicts.length > 0) say(`\n${verdictsAsText(verdicts)}`);
}

async function leave(world: World | undefined): Promise<void> {
  await world?.[Symbol.asyncDispose]();
}

function machine(): string {
  let commit = "";
  try {
    commit = `, commit ${execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()}`;
  } catch {
    // Not a checkout.
  }
  return `Node ${process.versions.node}, ${cpus().length} cores${commit}`;
}
