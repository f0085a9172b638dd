import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";
import { ToolFolder } from "../support/tool-folder.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };

/** What is in the root, and whether an inventory may call it empty. */
const CONTENTS: readonly (readonly [what: string, isEmpty: boolean, put: (at: (path: string) => string) => void])[] = [
  ["nothing", true, () => {}],
  ["the state directory", true, (at) => mkdirSync(at(".kinsync"))],
  ["a file", false, (at) => writeFileSync(at("f"), "")],
  ["a hidden file", false, (at) => writeFileSync(at(".f"), "")],
  [
    "a hidden file beside the state directory",
    false,
    (at) => (mkdirSync(at(".kinsync")), writeFileSync(at("..f"), "")),
  ],
  ["an empty folder", false, (at) => mkdirSync(at("d"))],
  ["a link that leads nowhere", false, (at) => symlinkSync("nowhere", at("l"))],
  ["a file that is named as a line of an agent", false, (at) => writeFileSync(at("end"), "")],
  ["a file whose name is a newline", false, (at) => writeFileSync(at("\n"), "")],
  ["a file that is named as an option", false, (at) => writeFileSync(at("-name"), "")],
];

describe.each(MAKES)("the agent of a container with $name", (make) => {
  test.each(CONTENTS)("that holds %s", async (_what, isEmpty, put) => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, "root"));
    put((path) => join(world.folder, "root", path));
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    const inventory = await session.inventory(root, { paths: [], signal });
    expect({ root: inventory.root, isEmpty: inventory.isEmpty === true }).toEqual({ root: "directory", isEmpty });
  });

  test("that is missing, or a file, is not called empty", async () => {
    await using world = await makeLocalEnvironment(make);
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    expect((await session.inventory(root, { paths: [], signal })).isEmpty).toBeUndefined();
    writeFileSync(join(world.folder, "root"), "");
    expect((await session.inventory(root, { paths: [], signal })).isEmpty).toBeUndefined();
  });
});

test.each([
  ["fails in silence", "exit 1"],
  ["warns", `echo 'find: warning' >&2`],
])("the sh agent calls no folder empty where find %s", async (_what, script) => {
  await using world = await makeLocalEnvironment({
    name: "sh",
    runtime: "sh",
    shell: ["/bin/sh"],
    path: (folder) => {
      const tools = new ToolFolder(folder).addSystemTools();
      const real = realpathSync(join(tools.path, "find"));
      return tools.write("find", `[ "$2 $3" != '! -name' ] || { ${script}; exit; }\nexec ${real} "$@"`).path;
    },
  });
  mkdirSync(join(world.folder, "root"));
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  await using session = await world.transport.open(world.target, who);
  expect(session.facts.agent).toBe("sh");
  expect((await session.inventory(root, { paths: [], signal })).isEmpty).toBeUndefined();
});
