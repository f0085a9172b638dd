import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createWorkplace, type Workplace } from "./support/run.ts";

/**
 * What a command may load. Packages are exact: a change of the list is a decision. The limit of modules counts those of kinsync and of
 * packages, without Node's own; it may be up to a fifth too high, so that moving code between files breaks nothing.
 */
interface Budget {
  readonly packages: readonly string[];
  readonly modules: number;
}

const FILE = "import-budget.json";
const BUDGETS = JSON.parse(await readFile(new URL(FILE, import.meta.url), "utf8")) as Readonly<Record<string, Budget>>;

const ROOT = resolve(import.meta.dirname, "../../..");
const PRELOAD = fileURLToPath(new URL("support/list-modules.mjs", import.meta.url));

/** Nothing listens there, so that a command ends at its first request. */
const KUBECONFIG = `
current-context: kind-test
contexts: [{ name: kind-test, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "http://127.0.0.1:1" } }]
users: [{ name: u, user: {} }]
`;

const CONFIG = { workloads: [{ workload: "pod/x", sync: [{ from: "src", to: "/app" }] }] };
const FLAGS = ["up", "pod/x", "--sync", "src:/app"];

const TYPESCRIPT = `import { defineConfig } from "kinsync";
export default defineConfig(${JSON.stringify(CONFIG)});
`;

interface Situation {
  readonly argv: readonly string[];
  readonly until: "first line" | "end";
  /** `dumb`: no live table, whose modules are loaded while the first request is under way. Default: `xterm`. */
  readonly term?: string;
  readonly files?: Readonly<Record<string, string>>;
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  "--help": { argv: ["--help"], until: "first line" },
  "up, flags only": { argv: FLAGS, until: "first line", files: { "package.json": "{}" } },
  "up, flags only, until the cluster refuses the connection": {
    argv: FLAGS,
    until: "end",
    term: "dumb",
    files: { "package.json": "{}" },
  },
  "up, YAML config": {
    argv: ["up"],
    until: "first line",
    files: { "package.json": "{}", "kinsync.config.yaml": JSON.stringify(CONFIG) },
  },
  "up, YAML config with rules of a kind": {
    argv: ["up"],
    until: "end",
    term: "dumb",
    files: {
      "package.json": "{}",
      "kinsync.config.yaml": JSON.stringify(CONFIG),
      "kinds/studio.kind.yaml": "name: studio\nroot: { group: example.com, version: v1, kind: Studio }\n",
    },
  },
  "up, TypeScript config": {
    argv: ["up"],
    until: "first line",
    files: { "package.json": '{ "type": "module" }', "kinsync.config.ts": TYPESCRIPT },
  },
  "up, TypeScript config in a CommonJS package": {
    argv: ["up"],
    until: "first line",
    files: { "package.json": '{ "type": "commonjs" }', "kinsync.config.ts": TYPESCRIPT },
  },
};

interface Loaded {
  readonly packages: readonly string[];
  readonly modules: number;
}

/** Runs a command in a process of its own, and lists what it loaded until each moment. */
async function modulesOf(
  workplace: Workplace,
  argv: readonly string[],
  term: string,
): Promise<ReadonlyMap<string, Loaded>> {
  const report = join(workplace.path, "modules.jsonl");
  await workplace.runBin(argv, {
    env: {
      NODE_OPTIONS: `--import=${PRELOAD}`,
      KINSYNC_MODULES: report,
      KUBECONFIG: join(workplace.path, "kubeconfig"),
      TERM: term,
    },
  });
  const lines = (await readFile(report, "utf8")).trim().split("\n");
  const moments = lines.map(
    (line) => JSON.parse(line) as { readonly moment: string; readonly urls: readonly string[] },
  );
  return new Map(
    moments.map(({ moment, urls }) => {
      const paths = urls.map((url) => fileURLToPath(url)).filter((path) => path !== PRELOAD);
      const own = paths.filter((path) => !path.startsWith(workplace.path));
      const packages = new Set(own.map(packageOf));
      packages.delete("kinsync");
      return [moment, { packages: [...packages].toSorted(), modules: own.length }];
    }),
  );
}

function packageOf(path: string): string {
  const foreign = /.*[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)[/\\]/.exec(path)?.[1];
  if (foreign !== undefined) return foreign.replaceAll("\\", "/");
  const [, folder = "?"] = path.slice(ROOT.length + 1).split(/[/\\]/);
  return folder === "cli" ? "kinsync" : `@kinsync/${folder}`;
}

test("the list is for the situations of this test", () => {
  expect(Object.keys(BUDGETS)).toEqual(Object.keys(SITUATIONS));
});

test.each(Object.entries(SITUATIONS))(
  "%s: loads what the list allows",
  async (name, { argv, until, term = "xterm", files }) => {
    await using workplace = await createWorkplace({ kubeconfig: KUBECONFIG, "src/a.txt": "a", ...files });
    const loaded = (await modulesOf(workplace, argv, term)).get(until);
    const budget = BUDGETS[name];
    const change = `if this is on purpose, put it into ${FILE}: ${JSON.stringify({ [name]: loaded })}`;
    expect(loaded?.packages, change).toEqual(budget?.packages);
    expect(loaded?.modules, change).toBeLessThanOrEqual(budget?.modules ?? 0);
    expect(loaded?.modules, `the limit is too high: ${change}`).toBeGreaterThanOrEqual((budget?.modules ?? 0) * 0.8);
  },
);
