// As k8s pkg/controller/deployment.

import type { StoredObject } from "../world.ts";
import { claim, type Controller, type ControllerContext } from "./controller.ts";
import { deploymentStatus } from "./deployment-status.ts";
import { byAge, controllerReference, isDeleting, isFinishedPod, numberAt, selectorOf, templateOf } from "./objects.ts";
import {
  annotationsOfNewSet,
  desiredAnnotation,
  highestRevision,
  replicaAnnotations,
  revisionAnnotation,
  revisionOf,
} from "./revision-annotations.ts";
import {
  nextReplicasOfNewSet,
  nextReplicasOfOldSets,
  proportionalReplicas,
  rolloutBounds,
  type Bounds,
} from "./rollout-math.ts";
import { sameTemplate, shortHash, templateHashLabel } from "./template-hash.ts";

const sets = "replicasets.apps";

/** A Deployment with its ReplicaSets, oldest first. */
interface Rollout {
  readonly deployment: StoredObject;
  readonly desired: number;
  readonly bounds: Bounds;
  readonly recreate: boolean;
  readonly context: ControllerContext;
}

export const deploymentController: Controller = {
  resource: "deployments.apps",
  adopts: sets,
  reconcile(deployment, context) {
    const owned = claim(deployment, sets, context).sort(byAge);
    const desired = numberAt(deployment.spec, "replicas", 1);
    const strategy = (deployment.spec?.["strategy"] ?? {}) as {
      type?: string;
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
    };
    const recreate = strategy.type === "Recreate";
    const { maxSurge, maxUnavailable } = strategy.rollingUpdate ?? {};
    const bounds = recreate ? { surge: 0, unavailable: desired } : rolloutBounds(desired, maxSurge, maxUnavailable);
    const rollout: Rollout = { deployment, desired, bounds, recreate, context };
    if (isDeleting(deployment)) writeStatus(rollout, owned);
    else if (deployment.spec?.["paused"] === true || wasScaled(owned, desired)) scaleOnly(rollout, owned);
    else if (recreate) recreateStep(rollout, owned);
    else rollingStep(rollout, owned);
  },
};

/** The oldest ReplicaSet with the current template; several can match after an upgrade of the cluster. */
function findNewSet(deployment: StoredObject, owned: readonly StoredObject[]): StoredObject | undefined {
  return owned.find((set) => sameTemplate(templateOf(set), templateOf(deployment)));
}

function replicasOf(set: StoredObject): number {
  return numberAt(set.spec, "replicas", 1);
}

function wasScaled(owned: readonly StoredObject[], desired: number): boolean {
  return owned.some((set) => {
    const annotated = set.metadata.annotations?.[desiredAnnotation];
    return replicasOf(set) > 0 && annotated !== undefined && Number(annotated) !== desired;
  });
}

function rollingStep(rollout: Rollout, owned: readonly StoredObject[]): void {
  const { desired, bounds } = rollout;
  const present = ensureNewSet(rollout, owned);
  const old = owned.filter(({ metadata }) => metadata.uid !== present.metadata.uid);
  const all = old.reduce((sum, set) => sum + replicasOf(set), replicasOf(present));
  const newReplicas =
    replicasOf(present) > desired ? desired : nextReplicasOfNewSet(desired, bounds, all, replicasOf(present));
  if (!scale(rollout, present, newReplicas)) {
    const live = old.filter((set) => replicasOf(set) > 0);
    const size = (set: StoredObject): { replicas: number; available: number } => ({
      replicas: replicasOf(set),
      available: numberAt(set.status, "availableReplicas", 0),
    });
    const next = nextReplicasOfOldSets(desired, bounds, size(present), live.map(size));
    for (const [index, set] of live.entries()) scale(rollout, set, next[index] ?? 0);
  }
  finish(rollout, present.metadata.uid);
}

function recreateStep(rollout: Rollout, owned: readonly StoredObject[]): void {
  const { deployment, context, desired } = rollout;
  const existing = syncRevision(rollout, owned);
  const old = owned.filter(({ metadata }) => metadata.uid !== existing?.metadata.uid);
  const scaled = old.filter((set) => scale(rollout, set, 0));
  const alive = old.some((set) => context.view.ownedBy(set.metadata.uid, "pods").some((pod) => !isFinishedPod(pod)));
  if (scaled.length > 0 || alive) {
    writeStatus(rollout, context.view.ownedBy(deployment.metadata.uid, sets));
    return;
  }
  const present = ensureNewSet(rollout, owned);
  scale(rollout, present, desired);
  finish(rollout, present.metadata.uid);
}

/** Paused, or scaled during a rollout: creates no ReplicaSet and makes no progress, only scales. */
function scaleOnly(rollout: Rollout, owned: readonly StoredObject[]): void {
  const { desired, bounds, deployment, context } = rollout;
  const present = syncRevision(rollout, owned);
  const active = owned.filter((set) => replicasOf(set) > 0);
  const only = active.length === 1 ? active[0] : active.length === 0 ? (present ?? owned.at(-1)) : undefined;
  if (only !== undefined) {
    scale(rollout, only, desired);
  } else if (present !== undefined && isSaturated(present, desired)) {
    for (const set of active) if (set.metadata.uid !== present.metadata.uid) scale(rollout, set, 0);
  } else if (active.length > 1) {
    const next = proportionalReplicas(desired === 0 ? 0 : desired + bounds.surge, active.map(replicasOf));
    for (const [index, set] of active.entries()) scale(rollout, set, next[index] ?? 0);
  }
  writeStatus(rollout, context.view.ownedBy(deployment.metadata.uid, sets));
}

function isSaturated(set: StoredObject, desired: number): boolean {
  return (
    replicasOf(set) === desired &&
    set.metadata.annotations?.[desiredAnnotation] === String(desired) &&
    numberAt(set.status, "availableReplicas", 0) === desired
  );
}

/** The ReplicaSet of the current template, with the current revision; created if it is missing. */
function ensureNewSet(rollout: Rollout, owned: readonly StoredObject[]): StoredObject {
  const existing = syncRevision(rollout, owned);
  if (existing !== undefined) return existing;
  const { deployment, desired, bounds, recreate, context } = rollout;
  const template = templateOf(deployment);
  const collisions = numberAt(deployment.status, "collisionCount", 0);
  const hash = shortHash(template, collisions);
  const name = `${deployment.metadata.name}-${hash}`;
  const stranger = context.store.get(sets, deployment.metadata.namespace, name);
  if (stranger !== undefined) {
    // It belongs to another owner, or the hashes collide: the next attempt uses another name.
    context.view.updateStatus("deployments.apps", deployment, { ...deployment.status, collisionCount: collisions + 1 });
    throw new Error(`ReplicaSet "${name}" already exists with another template`);
  }
  const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
  const selector = selectorOf(deployment);
  const revision = highestRevision(owned) + 1;
  const all = owned.reduce((sum, set) => sum + replicasOf(set), 0);
  const minReadySeconds = deployment.spec?.["minReadySeconds"];
  const created = context.store.create(sets, deployment.metadata.namespace, {
    metadata: {
      name,
      labels,
      annotations: {
        ...annotationsOfNewSet(deployment, {}, revision),
        ...replicaAnnotations(desired, desired + bounds.surge),
      },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: recreate ? desired : nextReplicasOfNewSet(desired, bounds, all, 0),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [templateHashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  });
  tellRevision(rollout, created);
  return created;
}

/** Sets the revision of the current template's ReplicaSet, if it exists, and copies it to the Deployment. */
function syncRevision(rollout: Rollout, owned: readonly StoredObject[]): StoredObject | undefined {
  const { deployment, context } = rollout;
  const present = findNewSet(deployment, owned);
  if (present === undefined) return undefined;
  const revision = highestRevision(owned.filter((set) => set !== present)) + 1;
  const minReadySeconds = deployment.spec?.["minReadySeconds"];
  const updated = context.view.update(sets, present, ({ metadata, spec }) => ({
    metadata: { ...metadata, annotations: annotationsOfNewSet(deployment, metadata.annotations ?? {}, revision) },
    spec: { ...spec, ...(minReadySeconds === undefined ? {} : { minReadySeconds }) },
  }));
  if (updated !== undefined) tellRevision(rollout, updated);
  return updated;
}

function tellRevision({ deployment, context }: Rollout, set: StoredObject): void {
  const revision = set.metadata.annotations?.[revisionAnnotation] ?? "";
  context.view.update("deployments.apps", deployment, ({ metadata }) => ({
    metadata: { ...metadata, annotations: { ...metadata.annotations, [revisionAnnotation]: revision } },
  }));
}

/** @returns whether the size changed. */
function scale({ desired, bounds, context }: Rollout, set: StoredObject, replicas: number): boolean {
  const changed = replicasOf(set) !== replicas;
  context.view.update(sets, set, ({ metadata, spec }) => ({
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, ...replicaAnnotations(desired, desired + bounds.surge) },
    },
    spec: { ...spec, replicas },
  }));
  return changed;
}

function finish(rollout: Rollout, presentUid: string): void {
  const { deployment, context } = rollout;
  const owned = context.view.ownedBy(deployment.metadata.uid, sets);
  const status = writeStatus(rollout, owned);
  const complete = ["updatedReplicas", "replicas", "availableReplicas"].every(
    (count) => numberAt(status, count, 0) === rollout.desired,
  );
  if (!complete) return;
  const limit = numberAt(deployment.spec, "revisionHistoryLimit", 10);
  const spent = owned
    .filter(({ metadata, status }) => metadata.uid !== presentUid && numberAt(status, "replicas", 0) === 0)
    .filter((set) => replicasOf(set) === 0 && !isDeleting(set))
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of spent.slice(0, Math.max(0, spent.length - limit))) {
    context.store.delete(sets, set.metadata.namespace, set.metadata.name, { uid: set.metadata.uid });
  }
}

/** Writes the status. @returns what it wrote. */
function writeStatus(
  { deployment, desired, bounds, context }: Rollout,
  owned: readonly StoredObject[],
): Record<string, unknown> {
  const present = findNewSet(deployment, owned);
  const status = deploymentStatus({ deployment, desired, unavailable: bounds.unavailable, present, owned });
  context.view.updateStatus("deployments.apps", deployment, status.status);
  if (status.againMilliseconds !== undefined) context.again(deployment, status.againMilliseconds);
  return status.status;
}
