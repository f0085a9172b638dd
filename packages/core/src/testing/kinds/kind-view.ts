import type { KindPlugin, KindView, OwnedPod, Reason, Verdict, Watch, WatchPlan } from "../../contract/kind.ts";
import type { KubeObject, ObjectMeta, Pod, ResourceType } from "../../contract/resource.ts";
import { matchOfText } from "../../kube/label-selector.ts";
import { compareUids, walkDown } from "../../resolve/members/ownership.ts";
import type { Layer, OwnerIndex } from "../../resolve/members/ownership.ts";
import { PODS, parseApiVersion, resourceName } from "../../kube/resource-path.ts";

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
  const layers = layersOf(plan, objects, missing, options.objects ?? "plan");
  const ownership = walkDown(root, layers);
  const podMode = plan.pods?.owner ?? "controller";
  const found: OwnedPod[] = [];
  for (const pod of layers.find(({ resource }) => resource === PODS)?.objects.filter(isPod) ?? []) {
    const owners = ownership.chainOf(pod, podMode);
    if (owners !== undefined) found.push(Object.freeze({ pod, owners, by: "owner" }));
    else if (missing.length > 0 && kind.claims?.(root, pod) === true) {
      found.push(Object.freeze({ pod, owners: Object.freeze([]), by: "labels" }));
    }
  }
  const rank = new Map(objects.map(({ metadata }, at) => [metadata.uid, at]));
  const inOrder = <T>(items: readonly T[], object: (item: T) => KubeObject): readonly T[] =>
    Object.freeze(
      items.toSorted((a, b) =>
        options.order === "given"
          ? (rank.get(object(a).metadata.uid) ?? 0) - (rank.get(object(b).metadata.uid) ?? 0)
          : compareUids(object(a), object(b)),
      ),
    );
  const members = inOrder(found, ({ pod }) => pod);
  const view: KindView = Object.freeze({
    root,
    owned: inOrder(ownership.owned, (object) => object),
    pods: kind.judgesSet === true ? members : Object.freeze([]),
    missing: Object.freeze(missing),
  });
  return { view, members };
}

/** True for pods of the core group. */
export function isPod(object: KubeObject): object is KubeObject & Pod {
  return object.kind === "Pod" && object.apiVersion === "v1";
}

function missingResources(plan: WatchPlan, names: readonly string[]): ResourceType[] {
  return names.map((name) => {
    const watch = plan.watches.find(({ resource }) => resource.plural === name || resourceName(resource) === name);
    if (watch === undefined) throw new Error(`the kind does not watch "${name}", so it cannot be missing`);
    if (watch.optional !== true) throw new Error(`the kind cannot go without "${name}": the watch is not optional`);
    return watch.resource;
  });
}

/** The objects of one watch, found by owner. */
class PlainLayer implements Layer, OwnerIndex {
  readonly store = this;
  readonly resource: ResourceType;
  readonly owner: "controller" | "any";
  readonly objects: readonly KubeObject[];

  constructor(resource: ResourceType, owner: Layer["owner"] | undefined, objects: readonly KubeObject[]) {
    this.resource = resource;
    this.owner = owner ?? "controller";
    this.objects = objects;
  }

  get(uid: string): KubeObject | undefined {
    return this.objects.find(({ metadata }) => metadata.uid === uid);
  }

  byOwner(uid: string): ReadonlySet<KubeObject> {
    return new Set(
      this.objects.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false),
    );
  }
}

function layersOf(
  plan: WatchPlan,
  objects: readonly KubeObject[],
  missing: readonly ResourceType[],
  how: "plan" | "whole",
): PlainLayer[] {
  const reduced = (resource: ResourceType, watch: Partial<Watch>): KubeObject[] =>
    objects
      .filter((object) => isOfResource(object, resource))
      .filter(({ metadata }) => how === "whole" || selects(watch.labelSelector, metadata))
      .map((object) => (how === "whole" ? object : received(object, watch)));
  return [
    new PlainLayer(PODS, plan.pods?.owner, reduced(PODS, plan.pods ?? {})),
    ...plan.watches
      .filter(({ resource }) => !missing.includes(resource))
      .map((watch) => new PlainLayer(watch.resource, watch.owner, reduced(watch.resource, watch))),
  ];
}

function received(object: KubeObject, { metadataOnly = false, project }: Partial<Watch>): KubeObject {
  const { apiVersion, kind, metadata } = object;
  const whole = metadataOnly ? Object.freeze({ apiVersion, kind, metadata }) : object;
  return project === undefined ? whole : project(whole);
}

function selects(selector: string | undefined, metadata: ObjectMeta): boolean {
  return selector === undefined || matchOfText(selector, metadata.labels ?? {}) !== undefined;
}

function isOfResource(object: KubeObject, resource: ResourceType): boolean {
  return object.kind === resource.kind && parseApiVersion(object.apiVersion).group === resource.group;
}
