import { join } from "node:path";
import { expect, test } from "vitest";
import { createWorkplace } from "./support/run.ts";

const SRC = { "src/main.py": "print(1)\n" };

test.each<[situation: string, argv: string, error: string, hint: string]>([
  ["an unknown command", "upp", "error KINSYNC_USAGE: unknown command `upp`", "Did you mean up?"],
  ["help for an unknown command", "help upp", "error KINSYNC_USAGE: unknown command `upp`", "Did you mean up?"],
  [
    "a command of kubectl",
    "get pods",
    "error KINSYNC_USAGE: unknown command `get`",
    "Use `kinsync tree WORKLOAD`, or `kubectl get`.",
  ],
  ["help for a command of kubectl", "help diff", "error KINSYNC_USAGE: unknown command `diff`", "Use `kinsync plan`."],
  [
    "a command that nothing resembles",
    "frobnicate",
    "error KINSYNC_USAGE: unknown command `frobnicate`",
    "See kinsync --help.",
  ],
  [
    "an option of kubectl",
    "up pod/x -w",
    "error KINSYNC_USAGE: unknown option `-w`",
    "`kinsync up` watches until Ctrl-C.",
  ],
  [
    "all namespaces, as with kubectl",
    "tree pod/x -A",
    "error KINSYNC_USAGE: unknown option `-A`",
    "kinsync has no option for all namespaces. List the workloads with their namespaces in the config.",
  ],
  ["an unknown option", "up pod/x --synk a:b", "error KINSYNC_USAGE: unknown option `--synk`", "Did you mean --sync?"],
  [
    "a kind and a name as two words",
    "sync deploy web --sync src:/app",
    "error KINSYNC_USAGE: `deploy web` are two words, and a workload is one",
    "Write deploy/web.",
  ],
  [
    "a workload that is not named",
    "tree",
    "error KINSYNC_USAGE: missing required argument `workload`",
    "See kinsync tree --help.",
  ],
  [
    "a format that there is not",
    "tree pod/x -o yaml",
    "error KINSYNC_USAGE: option `-o, --output <format>` argument `yaml` is invalid. Allowed choices are text, json.",
    "See kinsync tree --help.",
  ],
  [
    "a duration that is none",
    "sync pod/x --sync src:/app --wait soon",
    "error KINSYNC_USAGE: option `--wait <duration>` argument `soon` is invalid. Write it as 90s, 2m or 500ms.",
    "See kinsync sync --help.",
  ],
  [
    "an option of another command",
    "up pod/x --wait 3s",
    "error KINSYNC_USAGE: unknown option `--wait`",
    "It is an option of `kinsync sync`; `kinsync up` waits until Ctrl-C.",
  ],
  [
    "a config that is a folder",
    "up --config src",
    "error KINSYNC_CONFIG_PARSE: src cannot be read: it is a folder",
    "Name a file, such as src/kinsync.yaml.",
  ],
  [
    "a rule without a container path",
    "up pod/x --sync src",
    'error KINSYNC_USAGE: --sync "src" names no path in the container: it has to be FROM:TO',
    "For example: --sync src:/app/src",
  ],
  [
    "a rule without a local path",
    "up pod/x --sync :/app",
    'error KINSYNC_USAGE: --sync ":/app" names no local path: it has to be FROM:TO',
    "For example: --sync src:/app",
  ],
  [
    "rules for nobody",
    "up --sync src:/app",
    "error KINSYNC_USAGE: --sync needs a workload",
    "For example: kinsync up jobset/train --sync src:/app",
  ],
  [
    "neither rules nor a config",
    "up pod/x",
    "error KINSYNC_USAGE: There is no config file in FOLDER, and no --sync names what to write where",
    "For example: kinsync up pod/x --sync src:/app/src",
  ],
  [
    "a config that is not there",
    "up --config nope.yaml",
    "error KINSYNC_CONFIG_NOT_FOUND: There is no config file nope.yaml",
    "Check the path. It is relative to the working directory.",
  ],
  [
    "the root as the container path",
    "up pod/x --sync src:/",
    'error KINSYNC_CONFIG_SYSTEM_FOLDER: TO of --sync src:/ is "/", the root of the container',
    "Map to a folder below it, such as `/app`, or map single files into it.",
  ],
  [
    "two rules for one path",
    "up pod/x --sync src:/app --sync src:/app/",
    "error KINSYNC_CONFIG_CONFLICT: TO of --sync src:/app/ is /app, as in sync[0], and both may meet in one container",
    "Take one of them out, or give them roles, indexes, labels or containers that do not overlap.",
  ],
])("%s is told, with the next step", async (_situation, argv, error, hint) => {
  await using place = await createWorkplace(SRC);
  const { code, stderr } = await place.run(argv.split(" "));
  expect(stderr.replace(place.path, "FOLDER")).toBe(`${error}\n  hint: ${hint}\n`);
  expect(code).toBe(2);
});

test("a local path that is not there is told with the nearest one", async () => {
  await using place = await createWorkplace(SRC);
  const { code, stderr } = await place.run(["up", "pod/x", "--sync", "scr:/app"]);
  expect(stderr).toBe(
    `error KINSYNC_SOURCE_MISSING: pod/x sync[0]: there is no scr (looked for ${join(place.path, "scr")})\n  hint: Did you mean src?\n`,
  );
  expect(code).toBe(2);
});

test("with -o json an error is an object on a line", async () => {
  await using place = await createWorkplace(SRC);
  for (const form of [["-o", "json"], ["-o=json"], ["--output", "json"], ["-ojson"]]) {
    const { code, stdout, stderr } = await place.run(["up", "pod/x", "--sync", "src", ...form]);
    expect(JSON.parse(stdout)).toMatchObject({
      event: "error",
      code: "KINSYNC_USAGE",
      hint: "For example: --sync src:/app/src",
    });
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
  }
});

test("help and version are no errors", async () => {
  await using place = await createWorkplace();
  const version = await place.run(["--version"]);
  expect(version).toMatchObject({ code: 0, stderr: "" });
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await place.run(["version"])).toEqual(version);
  for (const argv of [[], ["--help"], ["help"], ["up", "--help"], ["help", "sync"]]) {
    const help = await place.run(argv);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(/^Usage: kinsync /);
  }
});

test.each<[situation: string, config: string, message: RegExp]>([
  ["does not parse", "workloads:\n\t- x\n", /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.yaml:2:1 is not valid YAML/],
  [
    "has an unknown key",
    "workload: []\n",
    /^error KINSYNC_CONFIG_INVALID: kinsync\.config\.yaml:1:1: the key "workload" is not known\n {2}hint: Did you mean "workloads"\?\n$/,
  ],
  [
    "has a wrong type",
    "workloads: 3\n",
    /^error KINSYNC_CONFIG_INVALID: kinsync\.config\.yaml:1:12: workloads must be a list, not the number 3\n/,
  ],
  [
    "maps to the root",
    "workloads: [{ workload: pod/x, sync: [{ from: src, to: / }] }]",
    /^error KINSYNC_CONFIG_SYSTEM_FOLDER: kinsync\.config\.yaml:1:56: workloads\[0\]\.sync\[0\]\.to is "\/"/,
  ],
  [
    "has two rules for one path",
    "workloads: [{ workload: pod/x, sync: [{ from: src, to: /a }, { from: src, to: /a }] }]",
    /^error KINSYNC_CONFIG_CONFLICT: kinsync\.config\.yaml:1:79: workloads\[0\]\.sync\[1\]\.to is \/a, as in sync\[0\]/,
  ],
  [
    "names a transport that is not loaded",
    "workloads: [{ workload: pod/x, sync: [{ from: src, to: /a, transport: rsync }] }]",
    /^error KINSYNC_PLUGIN_NOT_FOUND: pod\/x sync\[0\] needs the transport "rsync", which is not loaded\n {2}hint: Loaded: exec, configmap, secret, volume\./,
  ],
  [
    "does not have the workload",
    "workloads: [{ workload: pod/y, sync: [{ from: src, to: /a }] }]",
    /^error KINSYNC_USAGE: pod\/x is not in kinsync\.config\.yaml, which lists pod\/y\n/,
  ],
  [
    "names a plugin that is not installed",
    'kinds: ["@acme/kinsync-kind-fleet"]\nworkloads: [{ workload: pod/x, sync: [{ from: src, to: /a }] }]',
    /^error KINSYNC_PLUGIN_NOT_FOUND: @acme\/kinsync-kind-fleet \(kinds\[0\] in kinsync\.config\.yaml\) is not installed beside kinsync\.config\.yaml\n {2}hint: Run `npm install --save-dev @acme\/kinsync-kind-fleet`/,
  ],
])("a config that %s ends the run", async (_situation, config, message) => {
  await using place = await createWorkplace({ ...SRC, "kinsync.config.yaml": config });
  const { code, stderr } = await place.run(["up", "pod/x"]);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(2);
});

function plugin(body: string) {
  return {
    ...SRC,
    "kinsync.config.yaml": "kinds: [fleet]\nworkloads: [{ workload: pod/x, sync: [{ from: src, to: /a }] }]",
    "node_modules/fleet/package.json": JSON.stringify({
      name: "fleet",
      version: "1.0.0",
      type: "module",
      exports: "./index.js",
    }),
    "node_modules/fleet/index.js": body,
  };
}

const KIND = `contract: "2.0", type: "kind", name: "fleet", watches() {}, judge() {}`;

test.each<[situation: string, body: string, message: RegExp]>([
  [
    "throws",
    `throw new Error("no license");`,
    /^error KINSYNC_PLUGIN_FAILED: fleet \(kinds\[0\] in kinsync\.config\.yaml\) failed: it threw during its import: no license\n/,
  ],
  [
    "never returns from its factory",
    `export default () => { for (;;); };`,
    /^error KINSYNC_PLUGIN_FAILED: plugin fleet .* did not return from factory within 5 s, so kinsync cannot continue\n/,
  ],
  [
    "is of another contract",
    `export default () => ({ ${KIND.replace('"2.0"', "1")} });`,
    /^error KINSYNC_PLUGIN_CONTRACT: fleet .* was built for contract 1; this version of kinsync has contract 2\.\d+\n/,
  ],
  [
    "has the name of a built-in one",
    `export default () => ({ ${KIND.replace("fleet", "jobset")}, root: { group: "a.b", version: "v1", kind: "Fleet", plural: "fleets" } });`,
    /^error KINSYNC_PLUGIN_DUPLICATE: fleet .* and jobset \(built in\) both are named jobset\n/,
  ],
])("a plugin that %s ends the real command", async (_situation, body, message) => {
  await using place = await createWorkplace(plugin(body));
  const { code, stderr } = await place.runBin(["up", "pod/x"]);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(2);
});

test("a config in TypeScript that Node does not run is told by the real command", async () => {
  await using place = await createWorkplace({ "kinsync.config.ts": "enum A { B }\nexport default { workloads: [] };" });
  const { code, stderr } = await place.runBin(["up"]);
  expect(stderr).toMatch(
    /^error KINSYNC_CONFIG_PARSE: kinsync\.config\.ts:1 cannot be run: TypeScript enum is not supported\n {2}hint: Only erasable TypeScript/,
  );
  expect(code).toBe(2);
});

test("what nobody foresaw is told without a stack, and with one if asked for", async () => {
  await using place = await createWorkplace({
    "kinsync.config.mjs": "export default { get workloads() { throw new TypeError('odd'); } };",
  });
  const short = await place.runBin(["up"]);
  expect(short.code).toBe(1);
  expect(short.stderr).toMatch(/^error KINSYNC_INTERNAL: odd\n {2}hint: Run it again with --debug/);
  expect(short.stderr).not.toMatch(/^\s+at /m);
  expect((await place.runBin(["up", "--debug"])).stderr).toMatch(/^\s+at .*kinsync\.config\.mjs/m);
});

test("what nobody waited for ends the run with a sentence, too", async () => {
  await using place = await createWorkplace({
    "kinsync.config.mjs": `setTimeout(() => { throw new TypeError("late"); }, 10); await new Promise(() => setInterval(() => {}, 1000));`,
  });
  const { code, stderr } = await place.runBin(["up"]);
  expect(stderr).toMatch(/^error KINSYNC_INTERNAL: late\n {2}hint: Run it again with --debug/);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
});
