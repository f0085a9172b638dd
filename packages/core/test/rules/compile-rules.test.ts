import { expect, test } from "vitest";
import type { KubeObject } from "../../src/contract/resource.ts";
import { isKinsyncError } from "../../src/errors/error.ts";
import { judgeObjects } from "../../src/testing/index.ts";
import { compileText } from "./support/compile-text.ts";

const HEAD = `
name: studio
root: { group: example.com, version: v1, kind: Studio }
`;

const ROOT: KubeObject = {
  apiVersion: "example.com/v1",
  kind: "Studio",
  metadata: { name: "s", namespace: "default", uid: "root", generation: 2, labels: { app: "s" } },
  spec: { revision: "b", parts: ["api", "web"], suspended: false },
  status: { observedGeneration: 2 },
};

function pod(name: string, revision: string, more: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      uid: name,
      namespace: "default",
      labels: { revision, part: "web", index: "3" },
      ownerReferences: [{ apiVersion: "example.com/v1", kind: "Studio", name: "s", uid: "root", controller: true }],
      ...more,
    },
    spec: { containers: [{ name: "main" }] },
  };
}

const REVISIONS = `${HEAD}
let:
  wanted: root.spec.revision
role: labels.part
index: int(labels.index)
labels: { revision: labels.revision, none: labels.none }
rules:
  - if: labels.revision == null
    state: unsettled
    code: revision-unknown
  - if: labels.revision != wanted && root.spec.suspended == false
    state: superseded
    code: revision-behind
    message: "it is of revision {labels.revision}, the Studio is at {wanted}"
    evidence: { parts: size(root.spec.parts) }
  - state: current
    code: at-revision
notes:
  - { if: root.spec.suspended, code: suspended, message: the Studio is suspended }
  - { if: size(root.spec.parts) > 1, code: many-parts, message: "it has {size(root.spec.parts)} parts" }
roles: root.spec.parts
`;

test("the first rule that fits gives the verdict, with the values that its condition reads", () => {
  const { members, notes, roles } = judgeObjects(compileText(REVISIONS), ROOT, [pod("a", "a"), pod("b", "b")]);
  const place = { role: "web", index: "3" };
  expect(members.map(({ verdict }) => verdict)).toEqual([
    {
      ...place,
      labels: { revision: "a" },
      state: "superseded",
      reason: {
        code: "revision-behind",
        message: "it is of revision a, the Studio is at b",
        evidence: {
          rule: "rules[1] (studio.kind.yaml:14)",
          "labels.revision": "a",
          wanted: "b",
          "root.spec.suspended": false,
          parts: 2,
        },
      },
    },
    {
      ...place,
      labels: { revision: "b" },
      state: "current",
      reason: {
        code: "at-revision",
        message: "at revision",
        evidence: { rule: "rules[2] (studio.kind.yaml:19)" },
      },
    },
  ]);
  expect(notes.map(({ code, message }) => [code, message])).toEqual([["many-parts", "it has 2 parts"]]);
  expect(roles).toEqual(["api", "web"]);
});

test("a label named constructor does not make an expression fail", () => {
  const kind = compileText(
    `${HEAD}rules: [{ if: "labels.exists(k, k == 'a') && pod.metadata.labels.b == '1'", state: kept, code: a }, { state: current, code: b }]`,
  );
  const { members } = judgeObjects(kind, ROOT, [pod("a", "a", { labels: { constructor: "x", a: "1", b: "1" } })]);
  expect(members.map(({ verdict }) => verdict.reason.code)).toEqual(["a"]);
});

test("a pod that ends is terminating or finished whatever the rules say", () => {
  const kind = compileText(`${HEAD}rules: [{ state: current, code: all }]`);
  const { members } = judgeObjects(kind, ROOT, [
    pod("gone", "a", { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    { ...pod("over", "a"), status: { phase: "Failed" } },
  ]);
  expect(members.map(({ verdict }) => verdict.state)).toEqual(["terminating", "finished"]);
});

test("without rules every live pod is current", () => {
  const { members } = judgeObjects(compileText(HEAD), ROOT, [pod("a", "a")]);
  expect(members.map(({ verdict }) => [verdict.state, verdict.reason.code])).toEqual([["current", "owned"]]);
});

test("selectors, names of references and versions are templates; without a value they are left out", () => {
  const kind = compileText(`${HEAD}
watches:
  - { group: apps, version: "{root.spec.api}", kind: Deployment, selector: "app={root.metadata.labels.app}" }
  - { group: batch, version: v1, kind: Job, selector: "x={root.spec.nope}", optional: true }
  - { group: batch, version: v1, kind: CronJob, if: root.spec.suspended }
pods: { selector: "{labelSelector(root.spec.selector)}", owner: any }
refers:
  - { group: apps, version: v1, kind: Deployment, name: "{root.spec.template.name}" }
  - { group: "", version: v1, kind: ConfigMap, name: "{root.metadata.name}-settings", optional: true }
`);
  const plan = kind.watches({ ...ROOT, spec: { api: "v1beta1", selector: { matchLabels: { app: "s" } } } });
  expect(plan).toEqual({
    watches: [
      {
        resource: { group: "apps", version: "v1beta1", kind: "Deployment", plural: "deployments" },
        labelSelector: "app=s",
      },
      { resource: { group: "batch", version: "v1", kind: "Job", plural: "jobs" }, optional: true },
    ],
    pods: { labelSelector: "app=s", owner: "any" },
    refers: [
      {
        resource: { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps" },
        name: "s-settings",
        optional: true,
      },
    ],
  });
});

test("a kind whose children are all delegated watches no pods of its own", () => {
  const kind = compileText(`${HEAD}children: [{ group: apps, version: v1, kind: Deployment, delegate: true }]`);
  expect(kind.watches(ROOT)).toEqual({
    watches: [
      { resource: { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" }, delegate: true },
    ],
    pods: "delegated",
  });
});

test("container, namespaces and matchesByLabels are expressions, and rules that read `pods` judge the set", () => {
  const kind = compileText(`${HEAD}
container: pod.spec.containers.filter(c, c.name == 'main')[0].name
infrastructure: [sidecar]
namespaces: root.spec.parts
matchesByLabels: labels.uid == root.metadata.uid
rules: [{ if: size(pods) > 1, state: kept, code: many }, { state: current, code: one }]
`);
  const [a, b] = [pod("a", "a"), pod("b", "b")];
  expect(kind.defaultContainer?.(a as never)).toBe("main");
  expect(kind.infrastructure).toEqual(["sidecar"]);
  expect(kind.namespaces?.(ROOT)).toEqual(["api", "web"]);
  expect(kind.matchesByLabels?.(ROOT, a as never)).toBe(false);
  expect(kind.matchesByLabels?.(ROOT, pod("c", "c", { labels: { uid: "root" } }) as never)).toBe(true);
  expect(kind.judgesSet).toBe(true);
  expect(judgeObjects(kind, ROOT, [a, b]).members.map(({ verdict }) => verdict.state)).toEqual(["kept", "kept"]);
  expect(judgeObjects(kind, ROOT, [a]).members.map(({ verdict }) => verdict.state)).toEqual(["current"]);
});

test("an expression that does not fit its values names file, line, key and expression", () => {
  const kind = compileText(`${HEAD}
rules:
  - { if: labels.part > 3, state: kept, code: high }
  - { state: current, code: low }
`);
  expect(() => judgeObjects(kind, ROOT, [pod("a", "a")])).toThrow(
    "studio.kind.yaml:6:11: rules[0].if: no such overload: dyn<string> > int",
  );
});

test.each<[situation: string, text: string, message: string, hint?: string]>([
  ["an unknown key", `${HEAD}rule: []`, 'studio.kind.yaml:4:1: the key "rule" is not known', 'Did you mean "role"?'],
  [
    "a key of another name",
    `${HEAD}note: []`,
    'studio.kind.yaml:4:1: the key "note" is not known',
    '"note" is now called "notes".',
  ],
  ["a missing key", "name: x\nroot: { group: a.b, version: v1 }", "studio.kind.yaml:2:7: root.kind is missing"],
  [
    "a state that does not exist",
    `${HEAD}rules: [{ state: curent, code: a }]`,
    "studio.kind.yaml:4:18: rules[0].state must be one of current, kept, superseded",
    'Did you mean "current"?',
  ],
  [
    "a syntax error",
    `${HEAD}rules:\n  - if: root.spec. == 1\n    state: kept\n    code: a\n  - { state: current, code: b }`,
    "studio.kind.yaml:5:20: rules[0].if: expected IDENTIFIER, got EQ in `root.spec. == 1`",
  ],
  [
    "an unknown name in a quoted expression",
    `${HEAD}role: "root.spec.x == 'y' ? labl.x : null"`,
    "studio.kind.yaml:4:29: role: labl is not a variable here",
    "Did you mean labels?",
  ],
  [
    "an unknown name in a block",
    `${HEAD}let:\n  wide: >-\n    root.spec.a == 1 &&\n    rot.spec.b`,
    "studio.kind.yaml:5:9: let.wide: rot is not a variable here",
    "Did you mean root?",
  ],
  [
    "an unknown name in a template",
    `${HEAD}pods: { selector: "app={rot.metadata.name}" }`,
    "studio.kind.yaml:4:25: pods.selector: rot is not a variable here",
  ],
  ["a brace that is not closed", `${HEAD}pods: { selector: "app={root" }`, "pods.selector has a { without its }"],
  [
    "a name that does not exist at its place",
    `${HEAD}roles: "[labels.part]"`,
    "studio.kind.yaml:4:10: roles: labels is not a variable here",
    "Known here: root.",
  ],
  [
    "a named expression that reads more than its place has",
    `${HEAD}let: { part: labels.part }\nroles: "[part]"`,
    "studio.kind.yaml:5:10: roles: part is not a variable here",
  ],
  ["a named expression above its definition", `${HEAD}let: { a: b, b: root.x }`, "let.a: b is not a variable here"],
  ["a name that is taken", `${HEAD}let: { root: "1" }`, "studio.kind.yaml:4:8: let.root has a name that is taken"],
  [
    "rules that leave pods out",
    `${HEAD}rules: [{ if: labels.a == 'x', state: kept, code: a }]`,
    "rules[0].if leaves pods for which no rule fits",
    "Add a rule without `if` at the end: what holds where no other rule fits.",
  ],
  [
    "a rule that hides those below it",
    `${HEAD}rules: [{ state: kept, code: a }, { state: current, code: b }]`,
    "rules[0] always fits, so the rules below it never do",
  ],
  [
    "notes of a child without a kind",
    `${HEAD}children: [{ group: batch, version: v1, kind: Job, notes: "true" }]`,
    "children[0].notes needs delegate: true",
  ],
])("%s is refused with its position", (_situation, text, message, hint) => {
  const error = errorOf(() => compileText(text));
  expect(isKinsyncError(error)).toBe(true);
  expect(error).toMatchObject({
    code: "KINSYNC_PLUGIN_RULES",
    message: expect.stringContaining(message) as string,
    ...(hint === undefined ? {} : { hint }),
  });
});

test("all problems of a file are reported at once, by position", () => {
  const error = errorOf(() =>
    compileText(`${HEAD}role: rol.x\nindex: indx.y\nrules: [{ if: x, state: kept, code: a }]`),
  );
  expect(error).toMatchObject({
    details: {
      file: "studio.kind.yaml",
      problems: [
        { path: "role", line: 4, column: 7 },
        { path: "index", line: 5, column: 8 },
        { path: "rules[0].if", line: 6 },
        { path: "rules[0].if", line: 6 },
      ],
    },
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
