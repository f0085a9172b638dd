import type { Reference, Watch, WatchPlan } from "../../contract/kind.ts";
import type { ResourceType } from "../../contract/resource.ts";
import { reflectorKey } from "../../kube/reflector-pool.ts";
import type { ReflectorSpec } from "../../kube/reflector-spec.ts";
import { PODS } from "../../kube/resource-path.ts";

/** A watch of a plan, as a reflector needs it and as the walk reads it. */
export interface PlannedWatch {
  readonly key: string;
  readonly spec: ReflectorSpec;
  readonly owner: "controller" | "any";
  readonly isOptional: boolean;
  /** How long others wait for its first answer. `undefined`: without a limit. */
  readonly waitMs: number | undefined;
}

/** The watch plan of one root as reflectors. */
export interface PlannedWatches {
  /** The objects between root and pods. */
  readonly watches: readonly PlannedWatch[];
  /** One per namespace; empty where the root owns no pods directly. */
  readonly pods: readonly PlannedWatch[];
  /** Objects that the root names and does not own. */
  readonly references: readonly PlannedWatch[];
  /** Resources whose objects are judged by their own kinds. */
  readonly delegates: readonly ResourceType[];
}

export const NO_WATCHES: PlannedWatches = { watches: [], pods: [], references: [], delegates: [] };

/**
 * Turns a kind's plan into reflectors, one set per namespace. `undefined`: nothing but the root is watched.
 * @param namespaces where the root's objects are; more than one only for a cluster-scoped root
 */
export function planWatches(
  plan: WatchPlan | undefined,
  namespaces: readonly string[],
  kind: string | undefined,
): PlannedWatches {
  if (plan === undefined) return NO_WATCHES;
  const everywhere = (watch: Watch | Reference): PlannedWatch[] => {
    const places = watch.resource.namespaced === false ? [undefined] : namespaces;
    return places.map((namespace) => planned(watch, namespace, kind));
  };
  return {
    watches: plan.watches.flatMap(everywhere),
    pods: plan.pods === "delegated" ? [] : everywhere({ resource: PODS, ...plan.pods }),
    references: (plan.refers ?? []).flatMap(everywhere),
    delegates: plan.watches.filter((watch) => watch.delegate === true).map(({ resource }) => resource),
  };
}

/** The watch of an owner kind that an owner reference named: metadata only, whether or not the owner is the controller. */
export function planOwnerWatch(resource: ResourceType, namespace: string, waitMs: number): PlannedWatch {
  const place = resource.namespaced === false ? undefined : namespace;
  return { ...planned({ resource, owner: "any", metadataOnly: true }, place, undefined), waitMs };
}

function planned(watch: Watch | Reference, namespace: string | undefined, kind: string | undefined): PlannedWatch {
  const { resource, metadataOnly, project } = watch;
  const { name } = watch as Partial<Reference>;
  const { labelSelector, owner } = watch as Partial<Watch>;
  const spec: ReflectorSpec = {
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(metadataOnly === undefined ? {} : { metadataOnly }),
    // The kind's name is the key, since every call may return a new function for the same projection.
    ...(project === undefined || metadataOnly === true ? {} : { project: { key: kind ?? "", apply: project } }),
  };
  return {
    key: reflectorKey(spec),
    spec,
    owner: owner ?? "controller",
    isOptional: watch.optional ?? false,
    waitMs: undefined,
  };
}
