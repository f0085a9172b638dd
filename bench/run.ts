// npm run bench [-- NAME...] [--kubeconfig F]: see README.md
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchFirstSync } from "./first-sync.ts";
import { benchMemory } from "./memory.ts";
import { say } from "./report.ts";
import { benchResolve } from "./resolve.ts";
import { benchSave } from "./save.ts";
import { benchStart } from "./start.ts";
import { createWorld } from "./world.ts";
import type { World } from "./world.ts";

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
  },
});

const rounds = Number(values.rounds);
const sizes = values.pods.split(",").map(Number);

const BENCHES: Readonly<Record<string, (world: () => Promise<World>) => Promise<void>>> = {
  save: async (world) => benchSave(await world(), { rounds, sizes }),
  "first-sync": async (world) =>
    benchFirstSync(await world(), { files: Number(values.files), turns: Math.ceil(rounds / 4) }),
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
