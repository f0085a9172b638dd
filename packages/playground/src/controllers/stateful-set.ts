// As k8s pkg/controller/statefulset/stateful_set_control.go.

import { isDeepStrictEqual } from "node:util";
import type { StoredObject } from "../world.ts";
import { claim, createPod, deletePod, type Controller, type ControllerContext } from "./controller.ts";
import {
  controllerReference,
  isActivePod,
  isDeleting,
  isFinishedPod,
  isReadyPod,
  nonZero,
  numberAt,
  templateOf,
  untilAvailable,
  type PodTemplate,
} from "./objects.ts";
import { shortHash } from "./template-hash.ts";

const revisionLabel = "controller-revision-hash";
const revisions = "controllerrevisions.apps";

interface StatefulPass {
  readonly set: StoredObject;
  readonly context: ControllerContext;
  readonly current: StoredObject;
  readonly update: StoredObject;
  readonly start: number;
  readonly replicas: number;
  readonly partition: number;
  readonly rolling: boolean;
  readonly monotonic: boolean;
  readonly minReady: number;
}

export const statefulSetController: Controller = {
  resource: "statefulsets.apps",
  adopts: "pods",
  reconcile(set, context) {
    const pods = claim(set, "pods", context);
    const { current, update } = syncRevisions(set, context);
    const strategy = (set.spec?.["updateStrategy"] ?? {}) as { type?: string; rollingUpdate?: { partition?: number } };
    const pass: StatefulPass = {
      set,
      context,
      current,
      update,
      start: numberAt(set.spec?.["ordinals"] as Record<string, unknown> | undefined, "start", 0),
      replicas: numberAt(set.spec, "replicas", 1),
      partition: strategy.rollingUpdate?.partition ?? 0,
      rolling: strategy.type !== "OnDelete",
      monotonic: set.spec?.["podManagementPolicy"] !== "Parallel",
      minReady: numberAt(set.spec, "minReadySeconds", 0),
    };
    if (!isDeleting(set)) movePods(pass, pods);
    tellStatus(pass);
  },
};

/** The ordinal at the end of the name; `undefined` if the name is not one of this StatefulSet's. */
function ordinalOf(set: StoredObject, pod: StoredObject): number | undefined {
  const rest = pod.metadata.name.slice(set.metadata.name.length);
  const match = pod.metadata.name.startsWith(set.metadata.name) ? /^-(\d+)$/.exec(rest) : null;
  return match === null ? undefined : Number(match[1]);
}

function revisionOf(pod: StoredObject): string | undefined {
  return pod.metadata.labels?.[revisionLabel];
}

/** One step of scaling and rolling, in the order of the real controller; each change enqueues the StatefulSet again. */
function movePods(pass: StatefulPass, pods: readonly StoredObject[]): void {
  const { set, context, start, replicas, monotonic } = pass;
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  for (let ordinal = start; ordinal < start + replicas; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) {
      if (!createOrdinal(pass, ordinal) || monotonic) return;
      continue;
    }
    if (isFinishedPod(pod) && !isDeleting(pod)) deletePod(pod, context);
    if (monotonic && !isHealthy(pass, pod)) return;
  }
  const condemned = pods
    .filter((pod) => {
      const ordinal = ordinalOf(set, pod);
      return ordinal !== undefined && (ordinal < start || ordinal >= start + replicas);
    })
    .sort((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0));
  for (const pod of condemned) {
    if (!isDeleting(pod)) deletePod(pod, context);
    if (monotonic) return;
  }
  if (pass.rolling) rollOne(pass, byOrdinal);
}

/** Replaces one pod at a time, from the highest ordinal down to the partition; the next one waits until it is ready. */
function rollOne(pass: StatefulPass, byOrdinal: ReadonlyMap<number | undefined, StoredObject>): void {
  const { start, replicas, partition, update, context } = pass;
  for (let ordinal = start + replicas - 1; ordinal >= start + partition; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) return;
    if (revisionOf(pod) !== update.metadata.name && !isDeleting(pod)) {
      deletePod(pod, context);
      return;
    }
    if (!isHealthy(pass, pod)) return;
  }
}

function isHealthy({ set, context, minReady }: StatefulPass, pod: StoredObject): boolean {
  if (!isActivePod(pod) || !isReadyPod(pod)) return false;
  const wait = untilAvailable(pod, minReady);
  if (wait !== undefined && wait > 0) context.again(set, wait);
  return wait === 0;
}

/** @returns false if a pod of another owner has the name. */
function createOrdinal(pass: StatefulPass, ordinal: number): boolean {
  const { set, context, start, partition, rolling, current, update } = pass;
  const name = `${set.metadata.name}-${ordinal}`;
  if (context.store.get("pods", set.metadata.namespace, name) !== undefined) return false;
  const revision = rolling && ordinal < start + partition ? current : update;
  const template = templateOfRevision(revision);
  const claims = (set.spec?.["volumeClaimTemplates"] ?? []) as { metadata?: { name?: string } }[];
  const volumes = claims.map(({ metadata }) => ({
    name: metadata?.name ?? "",
    persistentVolumeClaim: { claimName: `${metadata?.name ?? ""}-${name}` },
  }));
  const serviceName = set.spec?.["serviceName"];
  createPod(
    set,
    template,
    {
      name,
      labels: {
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": String(ordinal),
        [revisionLabel]: revision.metadata.name,
      },
      spec: {
        hostname: name,
        ...(typeof serviceName === "string" && serviceName !== "" ? { subdomain: serviceName } : {}),
        ...(volumes.length === 0
          ? {}
          : { volumes: [...((template.spec?.["volumes"] ?? []) as unknown[]), ...volumes] }),
      },
    },
    context,
  );
  return true;
}

function templateOfRevision(revision: StoredObject): PodTemplate {
  const data = revision["data"] as { spec?: { template?: Record<string, unknown> } } | undefined;
  const { $patch: _patch, ...template } = data?.spec?.template ?? {};
  return template;
}

/** The revision of the current template (an equal older one is reused under a higher number) and the one that the status names. */
function syncRevisions(set: StoredObject, context: ControllerContext): { current: StoredObject; update: StoredObject } {
  const { namespace, name } = set.metadata;
  // Also those that a deleted StatefulSet of this name left behind with its pods.
  const all = claim(set, revisions, context).sort((a, b) => numberAt(a, "revision", 0) - numberAt(b, "revision", 0));
  const next = numberAt(all.at(-1), "revision", 0) + 1;
  const data = { spec: { template: { $patch: "replace", ...templateOf(set) } } };
  const equal = all.findLast((revision) => isDeepStrictEqual(revision["data"], data));
  let update: StoredObject | undefined = equal;
  if (equal === undefined) {
    const hash = shortHash(data, numberAt(set.status, "collisionCount", 0));
    update = context.store.create(revisions, namespace, {
      metadata: {
        name: `${name}-${hash}`,
        labels: { ...templateOf(set).metadata?.labels, "controller.kubernetes.io/hash": hash },
        ownerReferences: [controllerReference(set)],
      },
      data,
      revision: next,
    });
  } else if (equal !== all.at(-1)) {
    update = context.view.update(revisions, equal, () => ({ revision: next }));
  }
  if (update === undefined)
    throw new Error(`the ControllerRevisions of StatefulSet "${name}" changed during the reconcile; retrying`);
  const reported = set.status?.["currentRevision"];
  const current = all.find(({ metadata }) => metadata.name === reported) ?? update;
  truncate(set, context, all, new Set([current.metadata.uid, update.metadata.uid]));
  return { current, update };
}

function truncate(
  set: StoredObject,
  { view, store }: ControllerContext,
  all: readonly StoredObject[],
  live: ReadonlySet<string>,
): void {
  const used = new Set(view.ownedBy(set.metadata.uid, "pods").map(revisionOf));
  const spent = all.filter(({ metadata }) => !live.has(metadata.uid) && !used.has(metadata.name));
  const limit = numberAt(set.spec, "revisionHistoryLimit", 10);
  for (const { metadata } of spent.slice(0, Math.max(0, spent.length - limit))) {
    store.delete(revisions, metadata.namespace, metadata.name, { uid: metadata.uid });
  }
}

function tellStatus(pass: StatefulPass): void {
  const { set, context, current, update, replicas, rolling, minReady } = pass;
  const pods = context.view.ownedBy(set.metadata.uid, "pods").filter((pod) => ordinalOf(set, pod) !== undefined);
  const alive = pods.filter(isActivePod);
  const count = (revision: StoredObject): number =>
    alive.filter((pod) => revisionOf(pod) === revision.metadata.name).length;
  const ready = alive.filter(isReadyPod).length;
  const updated = count(update);
  const complete = rolling && updated === replicas && ready === replicas && pods.length === replicas;
  context.view.updateStatus("statefulsets.apps", set, {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    ...nonZero({
      readyReplicas: ready,
      currentReplicas: complete ? updated : count(current),
      updatedReplicas: updated,
    }),
    availableReplicas: alive.filter((pod) => untilAvailable(pod, minReady) === 0).length,
    currentRevision: complete ? update.metadata.name : current.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount: numberAt(set.status, "collisionCount", 0),
  });
}
