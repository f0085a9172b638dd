import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted, type Fact } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, hasFields, isAlive, isDeleting, phaseOf, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { CONFIGURATIONS, DEPLOYMENTS, KNATIVE_SERVICES, PODS, REVISIONS } from "../cluster/types.ts";

const PREFIX = "serving.knative.dev/";
const HISTORY_LIMIT = 3;

interface Traffic {
  /** Default, in a spec: the newest revision that is ready. */
  readonly revisionName?: string;
  readonly percent: number;
  readonly tag?: string;
}

export type KnativeService = Typed<
  {
    readonly image: string;
    /** Default: all of it goes to the newest revision that is ready. */
    readonly traffic: readonly Traffic[];
  },
  {
    readonly observedGeneration: number;
    readonly latestCreatedRevisionName: string;
    readonly latestReadyRevisionName: string;
    readonly traffic: readonly Traffic[];
  }
>;

/** The controllers of Services, Configurations, Revisions and Routes (serving `pkg/reconciler`). */
export function* syncKnativeServices(store: Store): Generator<void> {
  for (const { metadata } of store.list(KNATIVE_SERVICES)) {
    const service = store.get(metadata.uid);
    if (service !== undefined && !isDeleting(service)) yield* syncService(store, service);
  }
}

/** Revisions of a Service, oldest first. */
export function revisionsOf(store: Store, { metadata }: KubeObject): KubeObject[] {
  return store.ownedBy(metadata.uid, CONFIGURATIONS).flatMap((each) => store.ownedBy(each.metadata.uid, REVISIONS));
}

/**
 * The targets of the traffic in status and spec, with whatever percentage: the pods of these stay (`pkg/reconciler/labeler/metasync.go`). So do
 * those of the newest revision if a target leads to it, and until it is ready.
 */
export function isServing({ spec, status = {} }: KnativeService, name: string): boolean {
  const { latestCreatedRevisionName, latestReadyRevisionName } = status;
  const wanted = trafficOf(spec);
  const isComing =
    latestCreatedRevisionName !== latestReadyRevisionName ||
    wanted.some(({ revisionName }) => revisionName === undefined);
  if (name === latestCreatedRevisionName && isComing) return true;
  return [...(status.traffic ?? []), ...wanted].some(({ revisionName }) => revisionName === name);
}

function trafficOf(spec: KnativeService["spec"]): readonly Traffic[] {
  const { traffic = [] } = spec ?? {};
  return traffic.length > 0 ? traffic : [{ percent: 100 }];
}

function* syncService(store: Store, service: KubeObject & KnativeService): Generator<void> {
  const { metadata, spec } = service;
  const labels = { [`${PREFIX}service`]: metadata.name };
  let [configuration] = store.ownedBy(metadata.uid, CONFIGURATIONS);
  if (configuration === undefined) {
    if (store.find(CONFIGURATIONS, metadata.name) !== undefined) return;
    configuration = store.create({
      ...CONFIGURATIONS,
      metadata: { name: metadata.name, labels, ownerReferences: [controllerReference(service)] },
    });
    yield;
  }
  const revisions = store.ownedBy(configuration.metadata.uid, REVISIONS).filter((each) => !isDeleting(each));
  let newest = revisions.at(-1);
  // A former template makes a new revision, too.
  if (newest?.spec?.["image"] !== spec?.image) {
    newest = store.create({
      ...REVISIONS,
      metadata: {
        name: `${metadata.name}-${String(store.writes).padStart(5, "0")}`,
        labels,
        ownerReferences: [controllerReference(configuration)],
      },
      spec: { image: spec?.image },
    });
    revisions.push(newest);
    yield;
  }
  const created = newest?.metadata.name ?? "";
  const ready =
    revisions.findLast((each) => isReady(store, each))?.metadata.name ?? service.status?.latestReadyRevisionName;
  const former = service.status?.traffic ?? [];
  const next: NonNullable<KnativeService["status"]> = {
    observedGeneration: metadata.generation ?? 0,
    latestCreatedRevisionName: created,
    ...(ready === undefined ? {} : { latestReadyRevisionName: ready }),
    traffic: former,
  };
  const targets = trafficOf(spec).map((target) => ({ ...target, revisionName: target.revisionName ?? ready }));
  // A route with a target that is missing stays as it is.
  const isComplete = targets.every(({ revisionName }) => revisions.some((each) => each.metadata.name === revisionName));
  const routed: typeof next = { ...next, traffic: isComplete ? (targets as readonly Traffic[]) : former };
  // The controller of Services copies what the one of Routes does, a moment later.
  const observed = yield* writeStatus(store, service, configuration, next);
  yield* writeStatus(store, observed, configuration, routed);
  const isUp = (revision: KubeObject): boolean => isServing({ ...service, status: routed }, revision.metadata.name);
  for (const revision of revisions) yield* syncDeployment(store, service, revision, isUp(revision));
  for (const revision of revisions.slice(0, Math.max(0, revisions.length - HISTORY_LIMIT))) {
    if (isUp(revision)) continue;
    deleteObject(store, revision);
    yield;
  }
}

/** A pod of it runs, or ran once: a revision that is scaled to zero stays ready. */
function isReady(store: Store, revision: KubeObject): boolean {
  const [deployment] = store.ownedBy(revision.metadata.uid, DEPLOYMENTS);
  const pods = store
    .list(PODS)
    .filter(({ metadata }) => metadata.labels?.[`${PREFIX}revisionUID`] === revision.metadata.uid);
  const isRunning = pods.some((pod) => isAlive(pod) && phaseOf(pod) === "Running");
  return deployment?.metadata.annotations?.["ready"] === "true" || isRunning;
}

function* writeStatus(
  store: Store,
  service: KubeObject & KnativeService,
  configuration: KubeObject,
  next: NonNullable<KnativeService["status"]>,
): Generator<void, KubeObject & KnativeService> {
  const { status = {} } = service;
  if (hasFields(status, next)) return service;
  const facts = store
    .everOwnedBy(configuration.metadata.uid, REVISIONS)
    .flatMap(({ metadata: { name, uid } }): readonly Fact[] => {
      return isServing({ ...service, status: next }, name) ? wanted(uid) : obsolete(uid);
    });
  const written = store.update(service, { status: next }, facts);
  yield;
  return written;
}

/** The autoscaler gives a revision pods while it takes traffic, or is to take it. */
function* syncDeployment(
  store: Store,
  service: KubeObject,
  revision: KubeObject,
  isScaledUp: boolean,
): Generator<void> {
  const [deployment] = store.ownedBy(revision.metadata.uid, DEPLOYMENTS);
  const replicas = isScaledUp ? 1 : 0;
  if (deployment === undefined) {
    const labels = {
      [`${PREFIX}service`]: service.metadata.name,
      [`${PREFIX}revision`]: revision.metadata.name,
      [`${PREFIX}revisionUID`]: revision.metadata.uid,
    };
    store.create({
      ...DEPLOYMENTS,
      metadata: {
        name: `${revision.metadata.name}-deployment`,
        labels,
        ownerReferences: [controllerReference(revision)],
      },
      spec: {
        replicas,
        strategy: { type: "RollingUpdate" },
        selector: { matchLabels: { [`${PREFIX}revisionUID`]: revision.metadata.uid } },
        template: { labels, image: "queue-1" },
      },
    });
    yield;
  } else if (!isDeleting(deployment) && deployment.spec?.["replicas"] !== replicas) {
    store.update(deployment, {
      spec: { replicas },
      ...(isReady(store, revision) ? { annotations: { ready: "true" } } : {}),
    });
    yield;
  }
}
