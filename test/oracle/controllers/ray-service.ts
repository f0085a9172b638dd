import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, hasFields, isAlive, isDeleting, phaseOf, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, RAY_CLUSTERS, RAY_SERVICES } from "../cluster/types.ts";
import type { RayClusterSpec } from "./ray-cluster.ts";

interface RayServiceStatus {
  readonly observedGeneration: number;
  readonly activeServiceStatus: { readonly rayClusterName: string };
  readonly pendingServiceStatus: { readonly rayClusterName: string };
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
}

export type RayService = Typed<
  { readonly rayClusterConfig: RayClusterSpec; readonly incremental: boolean },
  RayServiceStatus
>;

/** The RayService controller (kuberay `ray-operator/controllers/ray/rayservice_controller.go`): one pass over all RayServices. */
export function* syncRayServices(store: Store): Generator<void> {
  for (const { metadata } of store.list(RAY_SERVICES)) {
    const service = store.get(metadata.uid);
    if (service !== undefined && !isDeleting(service)) yield* syncRayService(store, service);
  }
}

export function activeOf({ status }: RayService): string {
  return status?.activeServiceStatus?.rayClusterName ?? "";
}

export function pendingOf({ status }: RayService): string {
  return status?.pendingServiceStatus?.rayClusterName ?? "";
}

/** During an upgrade with traffic on both, the user went back to the template of the active cluster. */
export function isRollingBack({ status }: RayService): boolean {
  return (status?.conditions?.length ?? 0) > 0;
}

function* syncRayService(store: Store, service: KubeObject & RayService): Generator<void> {
  const { spec, metadata } = service;
  const image = spec?.rayClusterConfig?.image;
  const clusters = store.ownedBy(metadata.uid, RAY_CLUSTERS);
  const find = (name: string): KubeObject | undefined => clusters.find((each) => each.metadata.name === name);
  let active = activeOf(service);
  let pending = pendingOf(service);
  let conditions: readonly object[] = [];
  if (active === "" && pending === "") pending = `${metadata.name}-${store.writes}`;
  else if (active !== "" && find(active)?.spec?.["image"] === image) {
    // With traffic on both, it goes back before the younger cluster is removed.
    const goesBack = pending !== "" && spec?.incremental === true && find(pending) !== undefined;
    if (goesBack) conditions = [{ type: "RollbackInProgress", status: "True" }];
    else pending = "";
  } else if (pending === "" || (find(pending) !== undefined && find(pending)?.spec?.["image"] !== image)) {
    pending = `${metadata.name}-${store.writes}`;
  } else if (isReady(store, find(pending))) [active, pending] = [pending, ""];
  yield* writeStatus(store, service, { active, pending, conditions });
  for (const name of [active, pending]) {
    if (name === "" || find(name) !== undefined) continue;
    store.create({
      ...RAY_CLUSTERS,
      metadata: { name, ownerReferences: [controllerReference(service)] },
      spec: { ...spec?.rayClusterConfig },
    });
    yield;
  }
}

/** Some time later: clusters that the status does not name are deleted, and a rollback is through. */
export function* finishRayServices(store: Store): Generator<void> {
  for (const { metadata } of store.list(RAY_SERVICES)) {
    const service: (KubeObject & RayService) | undefined = store.get(metadata.uid);
    if (service === undefined || isDeleting(service)) continue;
    const names = [activeOf(service), pendingOf(service)];
    for (const cluster of store.ownedBy(metadata.uid, RAY_CLUSTERS)) {
      if (names.includes(cluster.metadata.name) || isDeleting(cluster)) continue;
      deleteObject(store, cluster);
      yield;
    }
    if (isRollingBack(service))
      yield* writeStatus(store, service, { active: activeOf(service), pending: "", conditions: [] });
  }
}

function isReady(store: Store, cluster: KubeObject | undefined): boolean {
  const pods = cluster === undefined ? [] : store.ownedBy(cluster.metadata.uid, PODS).filter(isAlive);
  return pods.length > 0 && pods.every((pod) => phaseOf(pod) === "Running");
}

interface Names {
  readonly active: string;
  readonly pending: string;
  readonly conditions: readonly object[];
}

/** Clusters that the status does not name are obsolete, and the younger one in a rollback. */
function* writeStatus(
  store: Store,
  service: KubeObject & RayService,
  { active, pending, conditions }: Names,
): Generator<void> {
  const next = {
    observedGeneration: service.metadata.generation ?? 0,
    activeServiceStatus: { rayClusterName: active },
    pendingServiceStatus: { rayClusterName: pending },
    conditions,
  };
  if (hasFields(service.status, next)) return;
  const facts = store.everOwnedBy(service.metadata.uid, RAY_CLUSTERS).flatMap(({ metadata: { name, uid } }) => {
    const isNamed = name === active || (name === pending && conditions.length === 0);
    return isNamed ? wanted(uid) : obsolete(uid);
  });
  store.update(service, { status: next }, facts);
  yield;
}
