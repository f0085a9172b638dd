import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubeObject } from "@kinsync/core/contract";
import type { KindCase } from "@kinsync/core/testing";
import { fixturesOf } from "../../../test/support/kind-fixtures.ts";
import { BUILT_IN, type BuiltInKind } from "../src/setup/built-in-kinds.ts";
import { createPlayground, type Playground } from "./support/playground.ts";
import { createWorkplace, type Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;

/** Acting controllers would replace what the fixtures say. */
const CONTROLLERS = [
  "deployments.apps",
  "replicasets.apps",
  "statefulsets.apps",
  "jobs.batch",
  "jobsets.jobset.x-k8s.io",
];

beforeAll(async () => {
  playground = await createPlayground({ controllers: { without: CONTROLLERS } });
  place = await createWorkplace();
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

/** A situation that can be made by creating objects that are served: nothing is being deleted, has ended, or is behind. */
function situationOf(kind: BuiltInKind): KindCase {
  const found = fixturesOf(kind).find(({ root, objects, members, missing = [] }) => {
    const names = objects.map((object) => `${object.kind}/${object.metadata.name}`);
    return (
      root.apiVersion.endsWith(kind.root.version) &&
      missing.length === 0 &&
      root.metadata.ownerReferences === undefined &&
      members.some(({ state }) => state === "current") &&
      members.every(({ state }) => ["current", "kept", "superseded", "helper"].includes(state)) &&
      [root, ...objects].every(({ metadata }) => metadata.deletionTimestamp === undefined) &&
      new Set(names).size === names.length &&
      objects.every((object) => playground.store.resources.ofKind(object.apiVersion, object.kind) !== undefined)
    );
  });
  if (found === undefined) throw new Error(`no fixture of ${kind.name} can be made on the playground`);
  return found;
}

/** Creates the objects in a namespace of their own, owners first, with the UIDs that the playground gives them. */
function create({ root, objects }: KindCase, namespace: string): void {
  playground.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const uids = new Map<string, string>();
  const waiting = [root, ...objects];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ metadata }) =>
      (metadata.ownerReferences ?? []).every(
        ({ uid }) => uids.has(uid) || !waiting.some((other) => other.metadata.uid === uid),
      ),
    );
    const [object] = waiting.splice(Math.max(0, next), 1);
    if (object !== undefined) uids.set(object.metadata.uid, createOne(object, namespace, uids));
  }
}

function createOne(object: KubeObject, namespace: string, uids: ReadonlyMap<string, string>): string {
  const { uid: _, creationTimestamp: __, generation: ___, ...metadata } = object.metadata;
  const ownerReferences = metadata.ownerReferences?.map((owner) => ({
    ...owner,
    uid: uids.get(owner.uid) ?? owner.uid,
  }));
  const isPod = object.kind === "Pod";
  const [created] = playground.apply({
    ...object,
    ...(isPod ? { spec: gated(object) } : NATIVE.has(object.apiVersion) ? { spec: completed(object) } : {}),
    metadata: { ...metadata, namespace, ...(ownerReferences === undefined ? {} : { ownerReferences }) },
  } as never);
  if (created === undefined) throw new Error(`${object.kind} ${metadata.name} was not created`);
  const { name = "" } = playground.store.resources.ofKind(object.apiVersion, object.kind) ?? {};
  if (!isPod && object.status !== undefined) {
    playground.store.updateStatus(name, { ...created, status: object.status });
  }
  return created.metadata.uid;
}

const NATIVE = new Set(["apps/v1", "batch/v1"]);

/** With what the API server demands of a workload, and no rule of a kind reads: a selector, and a template that fits it. */
function completed({ kind, spec = {} }: KubeObject): object {
  if (kind === "ControllerRevision" || kind === "CronJob") return spec;
  const { selector = { matchLabels: { app: "x" } } } = spec as {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  const containers = [{ name: "main", image: "playground/busybox" }];
  const template = {
    metadata: { labels: selector.matchLabels ?? { app: "web" } },
    spec: { containers, restartPolicy: kind === "Job" ? "Never" : "Always" },
  };
  return { ...spec, selector, template, ...(kind === "Job" ? { manualSelector: true } : {}) };
}

/** A gate keeps the pod pending, so that no process starts. The node of a pod of a DaemonSet has no kubelet. */
function gated({ spec = {} }: KubeObject): object {
  const { nodeName, containers } = spec as { readonly nodeName?: string; readonly containers: readonly object[] };
  return {
    ...spec,
    ...(nodeName === undefined ? { schedulingGates: [{ name: "kinsync.dev/test" }] } : {}),
    containers: containers.map((container) => ({ ...container, image: "playground/busybox" })),
  };
}

interface Tree {
  readonly workload: { readonly rule: string };
  readonly members: readonly {
    readonly pod: string;
    readonly state: string;
    readonly role?: string;
    readonly index?: string;
    readonly code: string;
  }[];
}

test.each(BUILT_IN)("tree shows a workload of the kind $name as its fixture expects", async (kind) => {
  const situation = situationOf(kind);
  const namespace = `of-${kind.name}`;
  create(situation, namespace);
  const { root } = kind;
  const [short = root.plural] = root.shortNames ?? [];
  const word = root.shortNames === undefined && root.group !== "" ? `${root.plural}.${root.group}` : short;
  const argv = ["tree", `${word}/${situation.root.metadata.name}`, "-n", namespace, "-o", "json"];
  const ran = await place.run(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  const tree = JSON.parse(ran.stdout) as Tree;
  expect(tree.workload.rule).toBe(kind.name);
  const found = tree.members.map(({ pod, state, role, index, code }) => ({ pod, state, role, index, reason: code }));
  const expected = situation.members.map(({ pod, state, role, index, reason }) => ({
    pod,
    state,
    role,
    index,
    reason,
  }));
  const byPod = (a: { readonly pod: string }, b: { readonly pod: string }): number => (a.pod < b.pod ? -1 : 1);
  expect(found.toSorted(byPod)).toEqual(expected.toSorted(byPod));
});
