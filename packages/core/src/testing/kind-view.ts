import type { KindPlugin, KindView, OwnedPod, Verdict, WatchPlan } from "../contract/kind.ts";
import type { Reason } from "../contract/kind.ts";
import type { KubeObject, ObjectMeta, Pod, ResourceType } from "../contract/resource.ts";
import { matchesLabelSelector } from "./label-selector.ts";

/** A kind's answer for one pod of a set of plain objects. */
export interface JudgedPod {
  readonly pod: Pod;
  readonly by: "owner" | "labels";
  readonly verdict: Verdict;
}

/** A kind's answer for a set of plain objects. */
export interface JudgedObjects {
  /** Every pod that the root owns (or that the kind claims), in the order of the view. */
  readonly members: readonly JudgedPod[];
  readonly note: Reason | undefined;
}

/** How `judgeObjects` and `buildKindView` look at the objects. */
export interface KindViewOptions {
  /** Watches that cannot be had, as `plural` or `plural.group`; only optional ones may be named. Default: none. */
  readonly missing?: readonly string[];
  /** Order of `owned` and `pods`. Default: by UID, as the engine does it. */
  readonly order?: "uid" | "given";
  /**
   * `plan`: what the kind's own watch plan would deliver, narrowed by its selectors, reduced by `project` and `metadataOnly`.
   * `whole`: the objects as they are. Default: `plan`.
   */
  readonly objects?: "plan" | "whole";
}

/**
 * Judges plain objects as the engine would judge them, without a cluster.
 *
 * `objects` may hold anything, the root and strangers too: owner references by UID decide what belongs to the root.
 */
export function judgeObjects(
  kind: KindPlugin,
  root: KubeObject,
  objects: readonly KubeObject[],
  options: KindViewOptions = {},
): JudgedObjects {
  const { view, members } = buildKindView(kind, root, objects, options);
  const judgement = kind.judge(view);
  return {
    members: members.map((owned) => ({ pod: owned.pod, by: owned.by, verdict: judgement.pod(owned) })),
    note: judgement.note,
  };
}

/** The view that a kind gets of plain objects, and the pods that its judgement is asked about. */
export function buildKindView(
  kind: KindPlugin,
  root: KubeObject,
  objects: readonly KubeObject[],
  options: KindViewOptions = {},
): { readonly view: KindView; readonly members: readonly OwnedPod[] } {
  const plan = kind.watches(root);
  const missing = missingResources(plan, options.missing ?? []);
  const seen = watchedObjects(plan, objects, missing, options.objects ?? "plan");
  const byUid = new Map(seen.map((object) => [object.object.metadata.uid, object]));
  const order = <T>(items: T[], uid: (item: T) => string): readonly T[] =>
    options.order === "given" ? items : items.toSorted((a, b) => (uid(a) < uid(b) ? -1 : 1));

  const owned: KubeObject[] = [];
  const pods: OwnedPod[] = [];
  for (const item of seen) {
    const owners = pathToRoot(item, root, byUid);
    if (!isPod(item.object)) {
      if (owners !== undefined) owned.push(item.object);
    } else if (owners !== undefined) {
      pods.push(Object.freeze({ pod: item.object, owners: Object.freeze(owners), by: "owner" }));
    } else if (missing.length > 0 && kind.claims?.(root, item.object) === true) {
      pods.push(Object.freeze({ pod: item.object, owners: Object.freeze([]), by: "labels" }));
    }
  }
  const members = Object.freeze(order(pods, ({ pod }) => pod.metadata.uid));
  const view: KindView = Object.freeze({
    root,
    owned: Object.freeze(order(owned, (object) => object.metadata.uid)),
    pods: kind.judgesSet === true ? members : Object.freeze([]),
    missing: Object.freeze(missing),
  });
  return { view, members };
}

/** `plural.group`, or the plural alone in the core group. */
export function resourceName(resource: ResourceType): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** True for pods of the core group. */
export function isPod(object: KubeObject): object is KubeObject & Pod {
  return object.kind === "Pod" && object.apiVersion === "v1";
}

interface SeenObject {
  readonly object: KubeObject;
  readonly owner: "controller" | "any";
}

function missingResources(plan: WatchPlan, names: readonly string[]): ResourceType[] {
  return names.map((name) => {
    const watch = plan.watches.find(({ resource }) => resource.plural === name || resourceName(resource) === name);
    if (watch === undefined) throw new Error(`the kind does not watch "${name}", so it cannot be missing`);
    if (watch.optional !== true) throw new Error(`the kind cannot go without "${name}": the watch is not optional`);
    return watch.resource;
  });
}

function watchedObjects(
  plan: WatchPlan,
  objects: readonly KubeObject[],
  missing: readonly ResourceType[],
  how: "plan" | "whole",
): SeenObject[] {
  const seen: SeenObject[] = [];
  for (const object of objects) {
    if (isPod(object)) {
      const { labelSelector, owner = "controller" } = plan.pods ?? {};
      if (how === "whole" || selects(labelSelector, object.metadata)) seen.push({ object, owner });
      continue;
    }
    const watch = plan.watches.find(({ resource }) => isOfResource(object, resource));
    if (watch === undefined || missing.includes(watch.resource)) continue;
    const { labelSelector, owner = "controller", metadataOnly = false, project } = watch;
    if (how === "whole") seen.push({ object, owner });
    else if (selects(labelSelector, object.metadata)) {
      const { apiVersion, kind, metadata } = object;
      const received = metadataOnly ? Object.freeze({ apiVersion, kind, metadata }) : object;
      seen.push({ object: project === undefined ? received : project(received), owner });
    }
  }
  return seen;
}

function selects(selector: string | undefined, metadata: ObjectMeta): boolean {
  return selector === undefined || matchesLabelSelector(selector, metadata.labels ?? {});
}

function isOfResource(object: KubeObject, resource: ResourceType): boolean {
  const group = object.apiVersion.includes("/") ? object.apiVersion.slice(0, object.apiVersion.indexOf("/")) : "";
  return object.kind === resource.kind && group === resource.group;
}

/** The objects between one object and the root, nearest first; `undefined` where no owner reference leads there. */
function pathToRoot(
  item: SeenObject,
  root: KubeObject,
  byUid: ReadonlyMap<string, SeenObject>,
  visited: ReadonlySet<string> = new Set(),
): KubeObject[] | undefined {
  for (const reference of item.object.metadata.ownerReferences ?? []) {
    if (item.owner === "controller" && reference.controller !== true) continue;
    if (reference.uid === root.metadata.uid) return [];
    const owner = byUid.get(reference.uid);
    if (owner === undefined || visited.has(reference.uid)) continue;
    const rest = pathToRoot(owner, root, byUid, new Set([...visited, reference.uid]));
    if (rest !== undefined) return [owner.object, ...rest];
  }
  return undefined;
}
