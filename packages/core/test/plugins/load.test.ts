import { expect, test } from "vitest";
import { CONTRACT } from "../../src/contract/version.ts";
import { createFolder, failureInNode } from "../config/support/folder.ts";

const KIND = (contract: unknown) => `({
  contract: ${JSON.stringify(contract)}, type: "kind", name: "fleet",
  root: { group: "acme.dev", version: "v1", kind: "Fleet", plural: "fleets" },
  watches: () => ({ watches: [] }), judge: () => ({ pod: () => ({}) }),
})`;

function fleet(source: string, manifest: Readonly<Record<string, unknown>> = {}) {
  return {
    "node_modules/@acme/kinsync-kind-fleet/package.json": JSON.stringify({
      name: "@acme/kinsync-kind-fleet",
      version: "1.2.3",
      type: "module",
      exports: { ".": { import: "./index.js" } },
      ...manifest,
    }),
    "node_modules/@acme/kinsync-kind-fleet/index.js": source,
  };
}

const BY_NAME = 'kinds: ["@acme/kinsync-kind-fleet"]\nworkloads: []\n';
const ORIGIN = "@acme/kinsync-kind-fleet (kinds[0] in kinsync.config.yaml)";

test("a package with nothing but an import condition is loaded from beside the config", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": BY_NAME,
    ...fleet(`export default () => ${KIND("2.0")};`),
  });
  expect(await failureInNode(folder)).toEqual({ code: "OK", kinds: [["fleet", ORIGIN]] });
});

test("options reach the factory", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": 'kinds:\n  - ["@acme/kinsync-kind-fleet", { as: ships }]\nworkloads: []\n',
    ...fleet(`export default ({ as }) => ({ ...${KIND("2.0")}, name: as });`),
  });
  expect(await failureInNode(folder)).toMatchObject({ kinds: [["ships", ORIGIN]] });
});

test("a factory returns several plugins", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": BY_NAME,
    ...fleet(`const kind = ${KIND("2.0")}; export default () => [kind, { ...kind, name: "ships" }];`),
  });
  expect(await failureInNode(folder)).toMatchObject({
    kinds: [
      ["fleet", ORIGIN],
      ["ships", ORIGIN],
    ],
  });
});

test("a relative path names a plugin of the project itself", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": "kinds: [./fleet.ts]\nworkloads: []\n",
    "fleet.ts": `export default (): unknown => ${KIND("2.0")};`,
  });
  expect(await failureInNode(folder)).toMatchObject({
    code: "OK",
    kinds: [["fleet", "./fleet.ts (kinds[0] in kinsync.config.yaml)"]],
  });
});

test("a package that is not installed is named, with the folder and the command", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": BY_NAME });
  expect(await failureInNode(folder)).toEqual({
    code: "KINSYNC_PLUGIN_NOT_FOUND",
    message: `${ORIGIN} is not installed beside kinsync.config.yaml`,
    hint: `Run \`npm install --save-dev @acme/kinsync-kind-fleet\` in ${folder.path}.`,
  });
});

test.each([
  [
    "throws when it is imported",
    `throw new Error("no license");`,
    "KINSYNC_PLUGIN_FAILED",
    `${ORIGIN} failed: it threw during its import: no license`,
  ],
  [
    "throws in its factory",
    `export default () => { throw new Error("no fleet"); };`,
    "KINSYNC_PLUGIN_FAILED",
    `${ORIGIN} failed: its factory threw: no fleet`,
  ],
  [
    "needs a package that is not there",
    `import "left-out"; export default () => 1;`,
    "KINSYNC_PLUGIN_FAILED",
    `${ORIGIN} failed: it (version 1.2.3) needs the package left-out, which is not installed`,
  ],
  [
    "never ends its import",
    `await new Promise(() => setInterval(() => 0, 1000));`,
    "KINSYNC_PLUGIN_FAILED",
    `${ORIGIN} failed: its import did not finish within 0.3 s: does it await something at its top level?`,
  ],
  [
    "was built for another contract",
    `export default () => ${KIND(7)};`,
    "KINSYNC_PLUGIN_CONTRACT",
    `${ORIGIN} was built for contract 7; this version of kinsync has contract ${CONTRACT}`,
  ],
  [
    "was built for a later minor version",
    `export default () => ${KIND("2.99")};`,
    "KINSYNC_PLUGIN_CONTRACT",
    `${ORIGIN} was built for contract 2.99; this version of kinsync has contract ${CONTRACT}`,
  ],
  [
    "needs a feature of a later version",
    `export default () => ({ ...${KIND("2.99")}, needs: ["delegate", "undo"] });`,
    "KINSYNC_PLUGIN_CONTRACT",
    `${ORIGIN} needs "undo", which this version of kinsync (contract ${CONTRACT}) lacks`,
  ],
  [
    "misspells an optional field",
    `export default () => ({ ...${KIND("2.0")}, infrastucture: ["proxy"] });`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: it has an unknown field \`infrastucture\`; did you mean \`infrastructure\`?`,
  ],
  [
    "misspells a field of its root",
    `export default () => { const kind = ${KIND("2.0")}; return { ...kind, root: { ...kind.root, shortname: ["fl"] } }; };`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: it has an unknown field \`root.shortname\`; did you mean \`shortNames\`?`,
  ],
  [
    "was not made with defineKind",
    `export default () => ({ name: "fleet" });`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: it was not made with defineKind`,
  ],
  [
    "gives a promise",
    `export default async () => ${KIND("2.0")};`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: it is a promise`,
  ],
  [
    "gives an empty list",
    `export default () => [];`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: its factory returned an empty list`,
  ],
  [
    "gives nothing",
    `export default () => undefined;`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: it is of type undefined`,
  ],
  [
    "is a transport",
    `export default () => ({ contract: "2.0", type: "transport", name: "x", open() {} });`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} is not a kind but a transport`,
  ],
  [
    "has no judge",
    `export default () => ({ ...${KIND("2.0")}, judge: 1 });`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: its \`judge\` is not a function`,
  ],
  [
    "exports no factory",
    `export const fleet = 1;`,
    "KINSYNC_PLUGIN_SHAPE",
    `${ORIGIN} cannot be used: its default export is not a function`,
  ],
])("a package that %s is named with what is wrong", async (_situation, source, code, message) => {
  await using folder = await createFolder({ "kinsync.config.yaml": BY_NAME, ...fleet(source) });
  expect(await failureInNode(folder)).toMatchObject({ code, message });
});

test("a package that was not built is told apart from one that is not there", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": BY_NAME,
    ...fleet("", { exports: { ".": "./dist/index.js" } }),
  });
  expect((await failureInNode(folder)).message).toContain("the file that it exports is missing (was it built?)");
});
