import type { Watch, WatchPlan } from "../../contract/kind.ts";
import type { ResourceType } from "../../contract/resource.ts";
import { reflectorKey } from "../../kube/reflector-pool.ts";
import type { ReflectorSpec } from "../../kube/reflector-spec.ts";
import type { WorkloadRef } from "../resolution.ts";
import { PODS } from "../../kube/resource-path.ts";

/** A watch of a plan, as a reflector needs it and as the walk reads it. */
export interface PlannedWatch {
  readonly key: string;
  readonly spec: ReflectorSpec;
  readonly owner: "controller" | "any";
  readonly isOptional: boolean;
  /** How long its first answer may hold up others. `undefined`: as long as it takes. */
  readonly waitMs: number | undefined;
}

/** A kind's wishes as reflectors. `undefined`: nothing but the root is watched. */
export function planWatches(
  plan: WatchPlan | undefined,
  ref: WorkloadRef,
  kind: string | undefined,
): { readonly watches: readonly PlannedWatch[]; readonly pods: PlannedWatch | undefined } {
  if (plan === undefined) return { watches: [], pods: undefined };
  const pods: Watch = { resource: PODS, ...plan.pods };
  return {
    pods: planned(pods, ref, kind),
    watches: plan.watches.map((watch) => planned(watch, ref, kind)),
  };
}

/** The watch of an owner kind that an owner reference named: metadata only, whether or not the owner is the controller. */
export function planOwnerWatch(resource: ResourceType, ref: WorkloadRef, waitMs: number): PlannedWatch {
  return { ...planned({ resource, owner: "any", metadataOnly: true }, ref, undefined), waitMs };
}

function planned(watch: Watch, ref: WorkloadRef, kind: string | undefined): PlannedWatch {
  const { resource, labelSelector, metadataOnly, project } = watch;
  const spec: ReflectorSpec = {
    resource,
    ...(resource.namespaced === false ? {} : { namespace: ref.namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(metadataOnly === undefined ? {} : { metadataOnly }),
    // The kind's name is the key, since every call may return a new function for the same projection.
    ...(project === undefined || metadataOnly === true ? {} : { project: { key: kind ?? "", apply: project } }),
  };
  return {
    key: reflectorKey(spec),
    spec,
    owner: watch.owner ?? "controller",
    isOptional: watch.optional ?? false,
    waitMs: undefined,
  };
}
