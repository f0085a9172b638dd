import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createWorkplace } from "./support/run.ts";

/** The imports that the README shows, and one of a package of kinsync. */
const CONFIG = `import { defineConfig } from "kinsync";
import { KinsyncError } from "@kinsync/core";
import { workload } from "./workload.ts";

export default defineConfig({ contexts: [typeof KinsyncError], workloads: [workload] });
`;
const WORKLOAD = `import type { WorkloadConfig } from "kinsync";

export const workload: WorkloadConfig = { workload: "pod/x", sync: [{ from: "src", to: "/app" }] };
`;

/** Without a kubeconfig: a command ends right after it has read its config and printed its first line. */
const COMMON = { "src/a.txt": "a" };
const NO_CLUSTER = /^error KINSYNC_CLUSTER_KUBECONFIG: /;

async function run(files: Readonly<Record<string, string>>) {
  await using workplace = await createWorkplace({ ...COMMON, ...files });
  return await workplace.runBin(["sync"]);
}

// What `npm init` of npm 11 writes, what older ones wrote, and none: a project in Python, with a global kinsync.
const PACKAGES = {
  "no package.json": {},
  'a package.json with "type": "commonjs"': { "package.json": '{ "name": "mine", "type": "commonjs" }' },
  'a package.json with "type": "module"': { "package.json": '{ "name": "mine", "type": "module" }' },
  "a package.json without a type": { "package.json": '{ "name": "mine" }' },
};

test.each(Object.entries(PACKAGES))("%s, no installed kinsync: the config of the README runs", async (_name, files) => {
  const { code, stdout, stderr } = await run({ ...files, "kinsync.config.ts": CONFIG, "workload.ts": WORKLOAD });
  expect(stderr).toMatch(NO_CLUSTER);
  expect(stdout).toMatch(/^sync pod\/x: src -> \/app\n/);
  expect(code).toBe(5);
});

test("kinsync.config.mts in a CommonJS package imports a .ts file beside it", async () => {
  const { stderr, stdout } = await run({
    "package.json": '{ "type": "commonjs" }',
    "kinsync.config.mts": CONFIG,
    "workload.ts": WORKLOAD,
  });
  expect(stderr).toMatch(NO_CLUSTER);
  expect(stdout).toMatch(/^sync pod\/x: src -> \/app\n/);
});

test("kinsync.config.js in a CommonJS package runs as an ES module", async () => {
  const { stdout, stderr } = await run({
    "package.json": '{ "type": "commonjs" }',
    "kinsync.config.js": CONFIG.replace("./workload.ts", "./workload"),
    "workload.js": WORKLOAD.replace(/^import.*\n/, "").replace(": WorkloadConfig", ""),
  });
  expect(stderr).toMatch(NO_CLUSTER);
  expect(stdout).toMatch(/^sync pod\/x: src -> \/app\n/);
});

test("a config in CommonJS runs as it is", async () => {
  const { stdout } = await run({
    "package.json": '{ "type": "commonjs" }',
    "kinsync.config.js":
      'const { defineConfig } = require("kinsync");\n' +
      'module.exports = defineConfig({ workloads: [{ workload: "pod/x", sync: [{ from: "src", to: "/app" }] }] });\n',
  });
  expect(stdout).toMatch(/^sync pod\/x: src -> \/app\n/);
});

test("a plugin of a CommonJS project is named by its path, and imports the contract of the running kinsync", async () => {
  const { stderr } = await run({
    "package.json": '{ "type": "commonjs" }',
    "kinsync.config.yaml": "kinds: [./fleet.ts]\nworkloads: [{ workload: fleet/x, sync: [{ from: src, to: /app }] }]\n",
    "fleet.ts": `import { defineKind } from "@kinsync/core/contract";
export default () => defineKind({
  contract: "2.0", name: "fleet", root: { group: "acme.dev", version: "v1", kind: "Fleet", plural: "fleets" },
  watches: () => ({ watches: [] }), judge: () => ({ pod: () => ({ state: "current", reason: { code: "x", message: "x" } }) }),
});
`,
  });
  expect(stderr).toMatch(NO_CLUSTER);
});

test("a kinsync of the project takes precedence over the running one", async () => {
  await using workplace = await createWorkplace({
    ...COMMON,
    "node_modules/kinsync/package.json": '{ "name": "kinsync", "type": "module", "exports": "./index.js" }',
    "node_modules/kinsync/index.js":
      'export const defineConfig = () => ({ workloads: [{ workload: "pod/own", sync: [{ from: "src", to: "/app" }] }] });',
    "kinsync.config.mjs": 'import { defineConfig } from "kinsync";\nexport default defineConfig();\n',
  });
  const { stdout } = await workplace.runBin(["sync"]);
  expect(stdout).toMatch(/^sync pod\/own: src -> \/app\n/);
});

test("a plugin of kinsync that neither the project nor the program has is named", async () => {
  const { stderr } = await run({
    "kinsync.config.mjs":
      'import { fleet } from "@kinsync/kind-fleet";\nexport default { kinds: [fleet()], workloads: [] };\n',
  });
  expect(stderr).toMatch(/kinsync\.config\.mjs imports @kinsync\/kind-fleet, which is not installed/);
});

test("a config that is a link runs where its file is", async () => {
  await using workplace = await createWorkplace({ ...COMMON, "package.json": '{ "type": "commonjs" }' });
  await mkdir(join(workplace.path, "shared"));
  await workplace.write("shared/config.ts", CONFIG);
  await workplace.write("shared/workload.ts", WORKLOAD);
  await symlink(join(workplace.path, "shared/config.ts"), join(workplace.path, "kinsync.config.ts"));
  const { stdout } = await workplace.runBin(["sync"]);
  expect(stdout).toMatch(/^sync pod\/x: src -> \/app\n/);
});

test.each([
  [
    "a syntax error in TypeScript",
    "kinsync.config.ts",
    'import { defineConfig } from "kinsync";\nexport default defineConfig({ workloads: [ });\n',
    /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.ts:2 cannot be parsed: /,
  ],
  [
    "a syntax error",
    "kinsync.config.js",
    'import { defineConfig } from "kinsync";\nexport default defineConfig({ workloads: [ });\n',
    /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.js:2:43 cannot be parsed: Unexpected token\n/,
  ],
  [
    "an error while it runs",
    "kinsync.config.ts",
    'import { defineConfig } from "kinsync";\n\nthrow new Error("no such team");\nexport default defineConfig({});\n',
    /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.ts:3:\d+ failed when it was run: no such team\n/,
  ],
  [
    "a missing package",
    "kinsync.config.ts",
    'import { fleet } from "@acme/fleet";\nexport default { kinds: [fleet()], workloads: [] };\n',
    /^error KINSYNC_PLUGIN_NOT_FOUND: kinsync\.config\.ts imports @acme\/fleet, which is not installed beside it\n {2}hint: .*npm install --save-dev @acme\/fleet/,
  ],
  [
    "a missing file",
    "kinsync.config.ts",
    'import { workload } from "./nothing.ts";\nexport default { workloads: [workload] };\n',
    /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.ts imports nothing\.ts, which is not there\n/,
  ],
  [
    "no default export",
    "kinsync.config.ts",
    'import { defineConfig } from "kinsync";\nexport const config = defineConfig({ workloads: [] });\n',
    /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.ts has no default export\n/,
  ],
])("a config in a CommonJS package with %s: the message names the place", async (_situation, name, text, message) => {
  const { code, stderr } = await run({ "package.json": '{ "type": "commonjs" }', [name]: text });
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test("nothing is written beside a config that jiti runs", async () => {
  await using workplace = await createWorkplace({
    ...COMMON,
    "package.json": '{ "type": "commonjs" }',
    "kinsync.config.ts": CONFIG,
    "workload.ts": WORKLOAD,
    "node_modules/.keep": "",
    "tmp/.keep": "",
  });
  const before = await readdir(workplace.path, { recursive: true });
  await workplace.runBin(["sync"], {
    env: { TMPDIR: join(workplace.path, "tmp") },
  });
  expect(await readdir(workplace.path, { recursive: true })).toEqual(before);
});
