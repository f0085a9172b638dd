import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { loadRulesFile } from "@kinsync/core/config";
import { kindConformance, transportConformance } from "@kinsync/core/testing";
import { createPlayground } from "@kinsync/playground";
import { afterAll, describe, expect, test } from "vitest";
import { cases } from "../examples/own-kind/experiment.cases.ts";
import { experiment } from "../examples/own-kind/experiment.ts";
import { makeShareEnvironment } from "../examples/own-transport/share.environment.ts";
import { makePlaygroundEnvironment } from "../examples/own-transport/share.playground.ts";

const root = resolve(import.meta.dirname, "..");

interface Loaded {
  readonly file: string;
  readonly kinds: readonly string[];
  readonly targets: readonly string[];
  readonly mappings: number;
}

/** Loads the config of a folder as the CLI does; by Node itself, since a test runner compiles what it imports. */
async function load(folder: string): Promise<Loaded> {
  const script = `
    import { checkConfig, checkSources, loadConfig, loadPlugins, resolveConfig } from "@kinsync/core/config";
    const signal = AbortSignal.timeout(20_000);
    const loaded = await loadConfig({ cwd: process.cwd(), home: process.cwd(), signal });
    const { config, origin } = await checkConfig(loaded);
    const { kinds } = await loadPlugins(config, { ...loaded, signal });
    const plans = resolveConfig(config, origin);
    const mappings = plans.flatMap((plan) => plan.mappings);
    await checkSources(mappings);
    console.log(JSON.stringify({
      file: loaded.file,
      kinds: kinds.map(({ plugin }) => plugin.name),
      targets: plans.map(({ workload }) => workload),
      mappings: mappings.length,
    }));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=kinsync:source", "--input-type=module", "-e", script],
    { cwd: resolve(root, "examples", folder) },
  );
  return JSON.parse(stdout) as Loaded;
}

test("the example in YAML loads, and its sources are there", async () => {
  expect(await load("yaml")).toEqual({
    file: "kinsync.config.yaml",
    kinds: [],
    targets: ["deploy/web", "sts/worker"],
    mappings: 3,
  });
});

test("the example of a training job loads, and its sources are there", async () => {
  expect(await load("jobset-training")).toEqual({
    file: "kinsync.config.yaml",
    kinds: [],
    targets: ["jobset/train"],
    mappings: 1,
  });
});

test("the example in TypeScript loads, and its sources are there", async () => {
  expect(await load("typescript")).toEqual({
    file: "kinsync.config.ts",
    kinds: [],
    targets: ["jobset/train"],
    mappings: 3,
  });
});

test("the example of an own kind loads, and its kind is taken", async () => {
  expect(await load("own-kind")).toEqual({
    file: "kinsync.config.ts",
    kinds: ["experiment"],
    targets: ["experiment/pendulum"],
    mappings: 2,
  });
});

const rules = await loadRulesFile(resolve(root, "examples/own-kind/experiment.kind.yaml"));
const inCode = {
  isolated: {
    module: new URL("../examples/own-kind/experiment.ts", import.meta.url),
    export: "experiment",
    execArgv: ["--conditions=kinsync:source"],
  },
};
describe.each([
  ["in code", experiment(), inCode],
  ["as rules", rules.plugin, {}],
])("the example of an own kind %s", (_, kind, options) => {
  kindConformance(kind, cases, { test, ...options });
});

describe("the example of an own transport, which needs no session in the container", () => {
  transportConformance(makeShareEnvironment, { test });
});

const playground = await createPlayground();
afterAll(() => playground.close());

// Without confinement, volumes are not mounted where the pod's spec says.
describe.skipIf((await playground.kubelet.confinement).kind !== "confined")(
  "the example of an own transport, against the playground",
  () => {
    transportConformance(() => makePlaygroundEnvironment(playground), { test });
  },
);
