import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { connectCluster } from "@kinsync/core/cluster";
import type { KindPlugin } from "@kinsync/core/contract";
import { listKinds, type ListedKind } from "@kinsync/core/project";
import { createPlayground } from "@kinsync/playground";
import { BUILT_IN, BUILT_IN_KINDS, type BuiltInKind } from "../packages/cli/src/setup/built-in-kinds.ts";
import { judgeOf, kindsPage } from "../scripts/docs-kinds.ts";
import { ORACLES } from "./oracle/oracles.ts";
import { fixturesOf, packageFolder } from "./support/kind-fixtures.ts";

const ROOT = new URL("../", import.meta.url);
const PACKAGES = readdirSync(new URL("packages/", ROOT)).filter((name) => name.startsWith("kind-"));

const listed = new Map(
  (await listKinds({ cwd: "/", env: {}, inline: { workloads: [] }, plugins: BUILT_IN_KINDS })).map((kind) => [
    kind.name,
    kind,
  ]),
);

function listedKind({ name }: BuiltInKind): ListedKind {
  const kind = listed.get(name);
  if (kind === undefined) throw new Error(`${name} is not listed`);
  return kind;
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

function sourcesOf(kind: BuiltInKind): string {
  const folder = new URL("src/", packageFolder(kind));
  return readdirSync(folder)
    .map((file) => readFileSync(new URL(file, folder), "utf8"))
    .join("\n");
}

test.each(PACKAGES)(
  "each kind of packages/%s is registered, and its package is listed where it must be",
  async (name) => {
    const { default: factory } = (await import(new URL(`packages/${name}/src/index.ts`, ROOT).href)) as {
      readonly default: () => KindPlugin | readonly KindPlugin[];
    };
    const made = [factory()].flat() as readonly KindPlugin[];
    const registered = BUILT_IN.filter((kind) => kind.package === `@kinsync/${name}`);
    expect(registered.map((kind) => kind.name).toSorted()).toEqual(made.map((kind) => kind.name).toSorted());
    expect(JSON.parse(read("packages/cli/package.json"))).toHaveProperty(["dependencies", `@kinsync/${name}`]);
    expect(read("packages/cli/tsconfig.json")).toContain(`"../${name}"`);
    const changes = readdirSync(new URL(".changeset/", ROOT)).filter((file) => file.endsWith(".md"));
    expect(changes.some((file) => read(`.changeset/${file}`).includes(`"@kinsync/${name}"`))).toBe(true);
  },
);

test("no two kinds have one name or one root", () => {
  const roots = BUILT_IN.map(({ root }) => `${root.kind}.${root.group}`);
  expect(new Set(roots).size).toBe(roots.length);
  expect(new Set(BUILT_IN.map(({ name }) => name)).size).toBe(BUILT_IN.length);
});

test("no short name means two kinds, but for those of Kubernetes, which win", () => {
  const native = new Set(["", "apps", "batch"]);
  const shorts = BUILT_IN.filter(({ root }) => !native.has(root.group)).flatMap(({ root }) => root.shortNames ?? []);
  expect(new Set(shorts).size).toBe(shorts.length);
});

test.each(BUILT_IN)("the page of $name explains each state, note and permission", (kind) => {
  const page = readFileSync(new URL("README.md", packageFolder(kind)), "utf8");
  const codes = [...sourcesOf(kind).matchAll(/code: "([a-z0-9-]+)"/g)].map(([, code = ""]) => code);
  const known = new Set(["pod-terminating", "pod-finished", ...codes]);
  expect([...known].filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
  const { plural, group } = kind.root;
  const resources = [group === "" ? plural : `${plural}.${group}`, "pods"];
  const reads = listedKind(kind).reads.map(({ resource }) => resource);
  expect([...resources, ...reads].filter((resource) => !page.includes(`\`${resource}\``))).toEqual([]);
});

test.each(BUILT_IN)("the permissions of $name cover its root, pods and all that it reads", (kind) => {
  const { reads, permissions } = listedKind(kind);
  const granted = permissions.flatMap(({ apiGroups: [group = ""], resources, verbs }) =>
    resources.map((plural) => `${group === "" ? plural : `${plural}.${group}`} ${verbs.join(",")}`),
  );
  const { plural, group } = kind.root;
  const needed = [group === "" ? plural : `${plural}.${group}`, "pods", ...reads.map(({ resource }) => resource)];
  expect(needed.filter((resource) => !granted.includes(`${resource} get,list,watch`))).toEqual([]);
});

test.each(BUILT_IN)("the fixtures of $name have the situations that every kind has", (kind) => {
  const cases = fixturesOf(kind);
  const states = new Set(cases.flatMap(({ members }) => members.map(({ state }) => state)));
  expect(cases.length).toBeGreaterThanOrEqual(6);
  expect([...states]).toEqual(expect.arrayContaining(["current"]));
  // A pod that only looks like a member, by its labels or by a reference to a former root.
  const hasStranger = cases.some(({ objects, members }) => {
    const pods = objects.filter((object) => object.kind === "Pod");
    return pods.length > members.length;
  });
  expect(hasStranger).toBe(true);
  expect(cases.some(({ notes = [] }) => notes.length > 0)).toBe(true);
});

test.each(BUILT_IN)("each reason of $name that its page has is one that a fixture or a test expects", (kind) => {
  const codes = new Set([...sourcesOf(kind).matchAll(/code: "([a-z0-9-]+)"/g)].map(([, code = ""]) => code));
  const folder = new URL("test/", packageFolder(kind));
  const tests = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /(?:expected\.yaml|\.test\.ts)$/.test(file))
    .map((file) => readFileSync(new URL(file, folder), "utf8"))
    .join("\n");
  expect([...codes].filter((code) => !tests.includes(code))).toEqual([]);
});

test.each(BUILT_IN)(
  "an oracle plays the controller of $name, and random histories compare the kind with it",
  ({ name }) => {
    expect(ORACLES.map((oracle) => oracle.name)).toContain(name);
  },
);

test.each(BUILT_IN)("$name has recorded histories if and only if its page names a real controller", (kind) => {
  const histories = new URL("test/histories/", packageFolder(kind));
  const isFamily = BUILT_IN.filter((each) => each.package === kind.package).length > 1;
  const folder = isFamily ? new URL(`${kind.name}/`, histories) : histories;
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".jsonl")) : [];
  expect(files.length > 0).toBe(judgeOf(kind.name) !== undefined);
});

test("the playground serves the root of each kind and all that it reads, under the same names", async () => {
  await using playground = await createPlayground();
  const signal = AbortSignal.timeout(30_000);
  await using cluster = await connectCluster({ env: { KUBECONFIG: playground.kubeconfigPath }, signal });
  const served = async (path: string): Promise<unknown> => {
    const answer = await cluster.request({ path, signal });
    return answer.status === 200 ? await answer.json() : undefined;
  };
  const missing: string[] = [];
  for (const { root, name } of BUILT_IN) {
    const base = root.group === "" ? `/api/${root.version}` : `/apis/${root.group}/${root.version}`;
    const list = (await served(base)) as { readonly resources: readonly ServedResource[] } | undefined;
    const found = list?.resources.find((resource) => resource.name === root.plural);
    if (found?.kind !== root.kind) missing.push(`${name}: ${root.plural} of ${base}`);
    const unknown = (root.shortNames ?? []).filter((short) => found?.shortNames?.includes(short) !== true);
    if (unknown.length > 0) missing.push(`${name}: short names ${unknown.join(", ")}`);
  }
  expect(missing).toEqual([]);
  const names = new Set(playground.store.resources.all().map(({ name }) => name));
  const reads = [...listed.values()].flatMap((kind) => kind.reads.map(({ resource }) => resource));
  expect(reads.filter((resource) => !names.has(resource))).toEqual([]);
});

interface ServedResource {
  readonly name: string;
  readonly kind: string;
  readonly shortNames?: readonly string[];
}

test("the page of kinds says what the table says", async () => {
  expect(read("docs/reference/kinds.md")).toBe(await kindsPage());
  for (const kind of BUILT_IN) expect(existsSync(new URL("README.md", packageFolder(kind)))).toBe(true);
});
