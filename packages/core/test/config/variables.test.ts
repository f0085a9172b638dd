import { expect, test } from "vitest";
import { createFolder, failure } from "./support/folder.ts";

const entry = (namespace: string): string =>
  `workloads:\n  - workload: deploy/web\n    namespace: ${namespace}\n    sync: [{ from: src, to: /app }]\n`;

test.each([
  ["${NS}", "team"],
  ["a-${NS}-${NS}", "a-team-team"],
  ["${MISSING:-main}", "main"],
  ["${EMPTY:-main}", "main"],
  ["x${EMPTY}", "x"],
  ["${NS:-main}", "team"],
  ["$${NS}", "${NS}"],
  ["$NS", "$NS"],
  ["a$$b", "a$$b"],
])("%s in YAML becomes %s", async (text, expected) => {
  await using folder = await createFolder({ "kinsync.config.yaml": entry(text) });
  const { workloads } = await folder.check({ env: { NS: "team", EMPTY: "" } });
  expect(workloads[0]?.namespace).toBe(expected);
});

test("a variable that is not set is an error with its name and position, each one", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": `context: \${CONTEXT}\n${entry("${NS}")}` });
  const error = await failure(folder.check({ env: {} }));
  expect(error.code).toBe("KINSYNC_CONFIG_INVALID");
  expect(error.message.split("\n")).toEqual([
    "kinsync.config.yaml:1:10: context needs the variable CONTEXT, which is not set",
    "kinsync.config.yaml:4:16: workloads[0].namespace needs the variable NS, which is not set",
  ]);
  expect(error.hint).toContain("${CONTEXT:-value}");
  expect(error.hint).toContain("$${CONTEXT}");
});

test.each(["${}", "${A-b}", "${A", "${1}"])("%s is refused as no variable", async (text) => {
  await using folder = await createFolder({ "kinsync.config.json": JSON.stringify({ context: text, workloads: [] }) });
  expect((await failure(folder.check({ env: { A: "a" } }))).message).toContain("which is not a variable");
});

test("a config in JavaScript keeps its texts: it has template literals", async () => {
  await using folder = await createFolder({
    "kinsync.config.mjs": 'export default { context: "${NS}", workloads: [] };',
  });
  expect((await folder.check({ env: { NS: "team" } })).context).toBe("${NS}");
});
