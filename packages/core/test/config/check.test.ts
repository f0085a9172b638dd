// In more than 300 lines because of its tables, which have a row for each mistake.
import { expect, test } from "vitest";
import { createFolder, failure, failureInNode } from "./support/folder.ts";

const SYNC = `sync: [{ from: src, to: /app }]`;

test.each([
  [
    "YAML that is indented by a tab",
    "kinsync.config.yaml",
    "workloads:\n\t- workload: pod/x\n",
    /^kinsync\.config\.yaml:2:1 is not valid YAML: tabs are not allowed/,
  ],
  [
    "YAML with a list that does not end",
    "kinsync.config.yaml",
    "workloads: [\n  {workload: pod/x\n",
    /^kinsync\.config\.yaml:\d+:\d+ is not valid YAML/,
  ],
  [
    "YAML with a key that is there twice",
    "kinsync.config.yaml",
    "workloads: []\nworkloads: []\n",
    /^kinsync\.config\.yaml:2:1 is not valid YAML: map keys must be unique/,
  ],
  [
    "JSON with a comma too many",
    "kinsync.config.json",
    '{\n  "workloads": [],\n}',
    /^kinsync\.config\.json:3:1 is not valid JSON/,
  ],
  [
    "JSON that ends in the middle",
    "kinsync.config.json",
    '{\n  "workloads": [',
    /^kinsync\.config\.json:2:\d+ is not valid JSON/,
  ],
  [
    "JSON with a conflict",
    "kinsync.config.json",
    "<<<<<<< HEAD\n{}",
    /^kinsync\.config\.json:1:1 is not valid JSON: unexpected token '<'$/,
  ],
  [
    "JSON with a word",
    "kinsync.config.json",
    '{\n  "workloads": [],\n  "contexts": [yes]\n}',
    /^kinsync\.config\.json:3:16 is not valid JSON: unexpected token 'y'$/,
  ],
  [
    "a package.json with a config that is broken",
    "package.json",
    '{ "kinsync": {',
    /^package\.json:1:\d+ is not valid JSON/,
  ],
  [
    "JavaScript with a comma too many",
    "kinsync.config.mjs",
    "export default {\n  workloads: [],,\n};",
    /^kinsync\.config\.mjs:2 cannot be parsed: Unexpected token ','/,
  ],
  [
    "JavaScript that throws",
    "kinsync.config.mjs",
    "const a = undefined;\nexport default { workloads: a.b };",
    /^kinsync\.config\.mjs:2:\d+ failed when it was run: Cannot read properties of undefined/,
  ],
  [
    "TypeScript with an enum",
    "kinsync.config.ts",
    "const x: number = 1;\nenum A { B }\nexport default { workloads: [] };",
    /^kinsync\.config\.ts:2 cannot be run: TypeScript enum is not supported/,
  ],
  [
    "TypeScript that cannot be parsed",
    "kinsync.config.ts",
    "export default { workloads: [] ;",
    /^kinsync\.config\.ts:1 cannot be parsed: Expected/,
  ],
  [
    "a module without a default export",
    "kinsync.config.mjs",
    "export const config = {};",
    /^kinsync\.config\.mjs has no default export/,
  ],
])("%s is told with file and place", async (_situation, name, text, message) => {
  await using folder = await createFolder({ [name]: text });
  const error = await failureInNode(folder);
  expect(error.code).toBe("KINSYNC_CONFIG_PARSE");
  expect(error.message).toMatch(message);
});

test("the way out of an enum is told", async () => {
  await using folder = await createFolder({ "kinsync.config.ts": "enum A { B }\nexport default {};" });
  expect((await failureInNode(folder)).hint).toMatch(/^Only erasable TypeScript runs/);
});

test("a package that a config imports and that is not installed is named, with the command", async () => {
  await using folder = await createFolder({
    "kinsync.config.ts": `import { fleet } from "@acme/kinsync-kind-fleet/x";\nexport default { kinds: [fleet()] };`,
  });
  const error = await failureInNode(folder);
  expect(error).toMatchObject({
    code: "KINSYNC_PLUGIN_NOT_FOUND",
    message: "kinsync.config.ts imports @acme/kinsync-kind-fleet, which is not installed beside it",
    hint: "Install it in the folder of kinsync.config.ts: npm install --save-dev @acme/kinsync-kind-fleet",
  });
});

test.each([
  [
    "a key that is near a known one",
    `workloads:\n  - workload: pod/x\n    sync:\n      - form: src\n        to: /app\n`,
    'kinsync.config.yaml:4:9: workloads[0].sync[0]: the key "form" is not known',
    'Did you mean "from"?',
  ],
  [
    "a key that is near none",
    `workloads: [{ workload: pod/x, ${SYNC}, zebra: 1 }]`,
    `kinsync.config.yaml:1:65: workloads[0]: the key "zebra" is not known`,
    "Known here: workload, namespace, containers, sync, run, restart, rebuild, hooks, mode, forward, update.",
  ],
  [
    "a feature that is not built yet",
    `workloads: [{ workload: pod/x, ${SYNC}, logs: true }]`,
    `kinsync.config.yaml:1:65: workloads[0]: the key "logs" is not known`,
    "Known here: workload, namespace, containers, sync, run, restart, rebuild, hooks, mode, forward, update.",
  ],
  [
    "an update rule that does not exist",
    `workloads: [{ workload: pod/x, ${SYNC}, update: gangs }]`,
    `kinsync.config.yaml:1:73: workloads[0].update.mode must be one of independent, gang, not "gangs"`,
    'Did you mean "gang"?',
  ],
  [
    "a misspelled option of a gang",
    `workloads: [{ workload: pod/x, ${SYNC}, update: { mode: gang, timout: 30s } }]`,
    `kinsync.config.yaml:1:87: workloads[0].update: the key "timout" is not known`,
    'Did you mean "timeout"?',
  ],
  [
    "a quorum of nobody",
    `workloads: [{ workload: pod/x, ${SYNC}, update: { mode: gang, quorum: 0% } }]`,
    "kinsync.config.yaml:1:95: workloads[0].update.quorum must be all, a number of members from 1 on, or a share such as 80%",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a port as a string",
    `workloads: [{ workload: pod/x, ${SYNC}, forward: [{ port: "80" }] }]`,
    `kinsync.config.yaml:1:83: workloads[0].forward[0].port must be a number, not "80"`,
    "Write it as port: 80",
  ],
  [
    "a port that does not exist",
    `workloads: [{ workload: pod/x, ${SYNC}, forward: [{ port: 70000 }] }]`,
    "kinsync.config.yaml:1:83: workloads[0].forward[0].port must be at most 65535",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "the port 0",
    `workloads: [{ workload: pod/x, ${SYNC}, forward: [{ port: 0 }] }]`,
    "kinsync.config.yaml:1:83: workloads[0].forward[0].port must be at least 1",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a misspelled key of a port",
    `workloads: [{ workload: pod/x, ${SYNC}, forward: [{ port: 80, adress: x }] }]`,
    `kinsync.config.yaml:1:87: workloads[0].forward[0]: the key "adress" is not known`,
    'Did you mean "address"?',
  ],
  [
    "a quorum without a gang",
    `workloads: [{ workload: pod/x, ${SYNC}, update: { mode: independent, quorum: 2 } }]`,
    "kinsync.config.yaml:1:102: workloads[0].update.quorum needs `mode: gang`: without it, no container waits for another",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "an update rule without a mode",
    `workloads: [{ workload: pod/x, ${SYNC}, update: { quorum: 2 } }]`,
    "kinsync.config.yaml:1:73: workloads[0].update.mode is missing",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a variable with a space",
    `workloads: [{ workload: pod/x, ${SYNC}, run: [{ when: [a], command: ls, env: { "A B": x } }] }]`,
    'kinsync.config.yaml:1:111: workloads[0].run[0].env["A B"] must be the name of a variable',
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a grace with a signal",
    `workloads: [{ workload: pod/x, ${SYNC}, restart: { signal: HUP, grace: 5 } }]`,
    "kinsync.config.yaml:1:96: workloads[0].restart.grace is for `kinsync wrapper`, and with `signal` the process restarts itself: leave one of them out",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a timeout that no timer can keep",
    `workloads: [{ workload: pod/x, ${SYNC}, update: { mode: gang, timeout: 9999h } }]`,
    "kinsync.config.yaml:1:96: workloads[0].update.timeout must not be longer than 24 days",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "milliseconds that no timer can keep",
    `workloads: [{ workload: pod/x, ${SYNC}, run: [{ when: ["*"], command: ls, timeout: 3000000000 }] }]`,
    "kinsync.config.yaml:1:108: workloads[0].run[0].timeout must be at most 2147483647",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a timeout without a unit",
    `workloads: [{ workload: pod/x, ${SYNC}, update: { mode: gang, timeout: "30" } }]`,
    "kinsync.config.yaml:1:96: workloads[0].update.timeout must be a time such as 30s, 500ms or 2m",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a key of the top",
    `workload: []\n`,
    `kinsync.config.yaml:1:1: the key "workload" is not known`,
    'Did you mean "workloads"?',
  ],
  [
    "a wrong type",
    `workloads:\n  - workload: pod/x\n    sync:\n      - from: src\n        to: 3\n`,
    "kinsync.config.yaml:5:13: workloads[0].sync[0].to must be a string, not the number 3",
    'Write it as to: "3"',
  ],
  [
    "a missing value",
    `workloads:\n  - workload: pod/x\n    sync:\n      - from: src\n`,
    "kinsync.config.yaml:4:9: workloads[0].sync[0].to is missing",
    'Name a path in the container: to: "/app/src"',
  ],
  [
    "a text where a list belongs",
    `workloads: [{ workload: pod/x, sync: [{ from: a, to: b, roles: head }] }]`,
    'kinsync.config.yaml:1:64: workloads[0].sync[0].roles must be a list, not "head"',
    'Write it as roles: ["head"]',
  ],
  [
    "a list where labels belong",
    `workloads: [{ workload: pod/x, sync: [{ from: a, to: b, labels: [active] }] }]`,
    "kinsync.config.yaml:1:65: workloads[0].sync[0].labels must be an object, not a list",
    'Write it as labels: { side: "active" }',
  ],
  [
    "no labels at all",
    `workloads: [{ workload: pod/x, sync: [{ from: a, to: b, labels: {} }] }]`,
    "kinsync.config.yaml:1:65: workloads[0].sync[0].labels must name at least one label",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
  [
    "a number as the value of a label",
    `workloads: [{ workload: pod/x, sync: [{ from: a, to: b, labels: { rank: 0 } }] }]`,
    "kinsync.config.yaml:1:73: workloads[0].sync[0].labels.rank must be a string or a list of strings, not the number 0",
    'Write it as rank: "0"',
  ],
  [
    "a word that is near an allowed one",
    `workloads: [{ workload: pod/x, sync: [{ from: a, to: b, states: [curent] }] }]`,
    'kinsync.config.yaml:1:66: workloads[0].sync[0].states[0] must be one of current, kept, superseded, terminating, finished, helper, unsettled, not "curent"',
    'Did you mean "current"?',
  ],
  [
    "an empty list of rules",
    `workloads: [{ workload: pod/x, sync: [] }]`,
    "kinsync.config.yaml:1:38: workloads[0].sync must have at least one entry",
    'Write it as sync: [{ from: "src", to: "/app/src" }]',
  ],
  [
    "an empty file",
    "",
    "kinsync.config.yaml: workloads is missing",
    'Add workloads: [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }] }]',
  ],
  [
    "a list as the whole",
    "- a\n",
    "kinsync.config.yaml:1:1: the config must be an object, not a list",
    "See https://github.com/kinsync/kinsync/blob/main/docs/reference/config.md.",
  ],
])("%s is told with its path, its place and the fix", async (_situation, text, message, hint) => {
  await using folder = await createFolder({ "kinsync.config.yaml": text });
  const error = await failure(folder.check());
  expect(error.code).toBe("KINSYNC_CONFIG_INVALID");
  expect(error.message).toBe(message);
  expect(error.hint).toBe(hint);
});

test("places in package.json are those of the file", async () => {
  await using folder = await createFolder({
    "package.json": '{\n  "name": "x",\n  "kinsync": {\n    "workloads": 3\n  }\n}\n',
  });
  const error = await failure(folder.check());
  expect(error.message).toBe("package.json:4:18: workloads must be a list, not the number 3");
});

test("several problems are told at once, in the order of the file", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": "contxt: a\nworkloads:\n  - workload: 1\n    sync: [{ from: a }]\n",
  });
  const error = await failure(folder.check());
  expect(error.message.split("\n")).toEqual([
    'kinsync.config.yaml:1:1: the key "contxt" is not known',
    "kinsync.config.yaml:3:15: workloads[0].workload must be a string, not the number 1",
    "kinsync.config.yaml:4:12: workloads[0].sync[0].to is missing",
  ]);
  expect(error.details["problems"]).toHaveLength(3);
});

test("a factory that was not called is told to be called", async () => {
  await using folder = await createFolder({
    "kinsync.config.mjs": "function fleet() { return {}; }\nexport default { kinds: [fleet], workloads: [] };",
  });
  const error = await failure(folder.check());
  expect(error.message).toBe("kinsync.config.mjs: kinds[0] is a function: call it, as in kinds: [myKind()]");
});

test("a config that is a function is told to be an object", async () => {
  await using folder = await createFolder({ "kinsync.config.mjs": "export default () => ({ workloads: [] });" });
  expect((await failure(folder.check())).message).toBe("kinsync.config.mjs: the default export is a function");
});

test("files named by $import are not merged behind anybody's back", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": "$import: other.yaml\n",
    "other.yaml": "workloads: []",
  });
  expect((await failure(folder.check())).code).toBe("KINSYNC_CONFIG_INVALID");
});

test("the old key `target` of a workload is refused with its new name", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": `workloads:\n  - target: pod/x\n    ${SYNC}\n` });
  const error = await failure(folder.check());
  expect(error.message).toBe('kinsync.config.yaml:2:5: workloads[0]: the key "target" is not known');
  expect(error.hint).toBe('"target" is now called "workload".');
});

test.each([
  ['ignore: ["[abc"]', 'ignore[0] is "[abc", a pattern in which a `[` has no `]`'],
  ['ignore: ["*.{js,ts}"]', "which gitignore syntax does not have"],
  ["ignoreFiles: [.ignore]", "ignoreFiles[0] must be .gitignore, .dockerignore or NAME.dockerignore"],
])("%s of a mapping is refused with its position", async (key, what) => {
  await using folder = await createFolder({
    "kinsync.config.yaml": `workloads: [{ workload: pod/x, sync: [{ from: a, to: b, ${key} }] }]`,
  });
  const error = await failure(folder.check());
  expect(error.message).toMatch(/^kinsync\.config\.yaml:1:\d+: workloads\[0\]\.sync\[0\]\.ignore/);
  expect(error.message).toContain(what);
});

test("a broken pattern in `when` is refused", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": `workloads: [{ workload: pod/x, ${SYNC}, run: [{ when: ["***/["], command: make }] }]`,
  });
  expect((await failure(folder.check())).message).toContain('run[0].when[0] is "***/[", a pattern in which');
});

test("`$schema` is allowed and has no effect", async () => {
  await using folder = await createFolder({ "kinsync.config.json": '{ "$schema": "./schema.json", "workloads": [] }' });
  expect(await folder.check()).toEqual({ workloads: [] });
});
