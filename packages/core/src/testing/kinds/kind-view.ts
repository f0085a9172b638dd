import type {
  KindPlugin,
  KindView,
  OwnedPod,
  Reason,
  Reference,
  Verdict,
  Watch,
  WatchPlan,
} from "../../contract/kind.ts";
import type { KubeObject, ObjectMeta, Pod, ResourceType } from "../../contract/resource.ts";
import { matchOfText } from "../../kube/label-selector.ts";
import { PODS, resourceName } from "../../kube/resource-path.ts";
import { compareUids } from "../../resolve/members/ownership.ts";
import type { OwnerIndex } from "../../resolve/members/ownership.ts";
import type { Rule } from "../../resolve/members/rule.ts";
import { servesVersion } from "../../resolve/members/rule.ts";
import { isOfResource, Scope } from "../../resolve/members/scope.ts";
import type { PodLayer } from "../../resolve/members/scope.ts";

/** A kind's answer for one pod of a set of plain objects. */
export interface JudgedPod {
  readonly pod: Pod;
  readonly by: "owner" | "labels";
  readonly verdict: Verdict;
}

/** A kind's answer for a set of plain objects. */
export interface JudgedObjects {
  /** Every pod that the root owns (or that the kind matches by labels), in the order of the view. */
  readonly members: readonly JudgedPod[];
  readonly notes: readonly Reason[];
  /** The roles that the root's spec names; `undefined` where the kind does not declare them. */
  readonly roles: readonly string[] | undefined;
}

/** How `judgeObjects` and `buildKindView` select and order the objects. */
export interface KindViewOptions {
  /** The other loaded kinds, for a kind that delegates children to them. Default: none. */
  readonly kinds?: readonly KindPlugin[];
  /** Watches that are not available, as `plural` or `plural.group`; only optional ones may be named. Default: none. */
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
 * `objects` may contain any object, also the root and objects of other workloads: owner references by UID decide what belongs to the root.
 * Children that the kind delegates are judged by `options.kinds`, each with what its own watch plan would deliver. An error that `kind`
 * throws reaches the caller.
 */
export function judgeObjects(
  kind: KindPlugin,
  root: KubeObject,
  objects: readonly KubeObject[],
  options: KindViewOptions = {},
): JudgedObjects {
  const { view, members, childNotes } = buildKindView(kind, root, objects, options);
  const judgement = kind.judge(view);
  return {
    members: members.map((owned) => ({ pod: owned.pod, by: owned.by, verdict: judgement.pod(owned) })),
    notes: judgement.notes ?? childNotes,
    roles: kind.roles?.(root),
  };
}

/** The view that a kind gets of plain objects, and the pods to judge. */
export function buildKindView(
  kind: KindPlugin,
  root: KubeObject,
  objects: readonly KubeObject[],
  options: KindViewOptions = {},
): {
  readonly view: KindView;
  readonly members: readonly OwnedPod[];
  /** The notes of all delegated children. */
  readonly childNotes: readonly Reason[];
} {
  let seen: KindView | undefined;
  const rule: Rule = {
    ...plainRule(kind),
    judge: (view) => {
      seen = view;
      return { notes: undefined, pod: () => NOT_JUDGED };
    },
  };
  const scope = scopeOf(rule, kind.watches(root), root, objects, options);
  const members = Object.freeze(scope.ownedPods());
  // The engine reports these; a test must fail on them.
  for (const problem of scope.problems()) throw problem.cause ?? problem;
  if (seen === undefined) throw new Error("the view was not built");
  const view: KindView = Object.freeze({
    ...seen,
    owned: Object.freeze(seen.owned),
    pods: Object.freeze(seen.pods),
    missing: Object.freeze(seen.missing),
    referred: Object.freeze(seen.referred),
  });
  return { view, members, childNotes: scope.notes };
}

const NOT_JUDGED: Verdict = { state: "unsettled", reason: { code: "not-judged", message: "only the view is built" } };

/** The rule of a kind without its host, so that its errors reach the test. */
function plainRule(kind: KindPlugin): Rule {
  return {
    kind: kind.name,
    judgesSet: kind.judgesSet ?? false,
    canMatchByLabels: kind.matchesByLabels !== undefined,
    followsOwners: false,
    rootIsMember: false,
    declaresNamespaces: kind.namespaces !== undefined,
    infrastructure: kind.infrastructure ?? [],
    plan: (root) => kind.watches(root),
    judge: (view) => {
      const { pod, notes } = kind.judge(view);
      return { pod, notes };
    },
    matchesByLabels: (root, pod) => kind.matchesByLabels?.(root, pod) ?? false,
    defaultContainer: (pod) => kind.defaultContainer?.(pod),
    roles: (root) => kind.roles?.(root),
    namespaces: (root) => kind.namespaces?.(root),
  };
}

function scopeOf(
  rule: Rule,
  plan: WatchPlan,
  root: KubeObject,
  objects: readonly KubeObject[],
  options: KindViewOptions,
  path: readonly string[] = [],
): Scope {
  const { kinds = [], missing: names = [], objects: how = "plan", order = "uid" } = options;
  // A child's own kind handles its missing watches, so only names in this plan count.
  const missing = missingResources(plan, names, path.length > 0);
  const available = <Source extends Watch | Reference>(sources: readonly Source[]): Source[] =>
    sources.filter(({ resource }) => !missing.includes(resource));
  const rank = new Map(objects.map(({ metadata }, at) => [metadata.uid, at]));
  const rankOf = ({ metadata }: KubeObject): number => rank.get(metadata.uid) ?? 0;
  return new Scope({
    rule,
    root,
    compare: order === "given" ? (a, b) => rankOf(a) - rankOf(b) : compareUids,
    find: (uid) => {
      const object = objects.find(({ metadata }) => metadata.uid === uid);
      const isSeen = object !== undefined && !missing.some((resource) => isOfResource(object, resource));
      return isSeen ? object : undefined;
    },
    childOf: (object) => {
      const kind = kinds.find((one) => isOfResource(object, one.root));
      const watch = plan.watches.find(({ resource, delegate }) => delegate === true && isOfResource(object, resource));
      const above = [...path, root.metadata.uid];
      const isServed = kind !== undefined && watch !== undefined && servesVersion(kind, watch.resource);
      if (!isServed || above.includes(object.metadata.uid)) return undefined;
      const child = plainRule(kind);
      return { kind: kind.name, scope: scopeOf(child, kind.watches(object), object, objects, options, above) };
    },
    sources: {
      layers: available(plan.watches).map((watch) => layerOf(watch, watch.owner, objects, how)),
      pods:
        plan.pods === "delegated" ? [] : [layerOf({ resource: PODS, ...plan.pods }, plan.pods?.owner, objects, how)],
      missing,
      referred: available(plan.refers ?? []).flatMap((reference) =>
        layerOf(reference, undefined, objects, how).objects.filter(({ metadata }) => metadata.name === reference.name),
      ),
      delegates: plan.watches.filter(({ delegate }) => delegate === true).map(({ resource }) => resource),
    },
  });
}

/** True for pods of the core group. */
export function isPod(object: KubeObject): object is KubeObject & Pod {
  return object.kind === "Pod" && object.apiVersion === "v1";
}

function missingResources(plan: WatchPlan, names: readonly string[], isChild: boolean): ResourceType[] {
  return names.flatMap((name) => {
    const watch = [...plan.watches, ...(plan.refers ?? [])].find(
      ({ resource }) => resource.plural === name || resourceName(resource) === name,
    );
    if (watch?.optional === true) return [watch.resource];
    if (isChild) return [];
    if (watch === undefined) throw new Error(`the kind does not watch "${name}", so it cannot be missing`);
    throw new Error(`the kind cannot go without "${name}": the watch is not optional`);
  });
}

/** The objects of one watch, found by owner. */
class PlainLayer implements PodLayer, OwnerIndex {
  readonly store = this;
  readonly resource: ResourceType;
  readonly owner: "controller" | "any";
  readonly objects: readonly KubeObject[];

  constructor(resource: ResourceType, owner: PodLayer["owner"] | undefined, objects: readonly KubeObject[]) {
    this.resource = resource;
    this.owner = owner ?? "controller";
    this.objects = objects;
  }

  get(uid: string): KubeObject | undefined {
    return this.objects.find(({ metadata }) => metadata.uid === uid);
  }

  values(): Iterable<KubeObject> {
    return this.objects;
  }

  byOwner(uid: string): ReadonlySet<KubeObject> {
    return new Set(
      this.objects.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false),
    );
  }
}

function layerOf(
  watch: Watch | Reference,
  owner: PodLayer["owner"] | undefined,
  objects: readonly KubeObject[],
  how: "plan" | "whole",
): PlainLayer {
  const { labelSelector } = watch as Partial<Watch>;
  const delivered = objects
    .filter((object) => isOfResource(object, watch.resource))
    .filter(({ metadata }) => how === "whole" || selects(labelSelector, metadata))
    .map((object) => (how === "whole" ? object : received(object, watch)));
  return new PlainLayer(watch.resource, owner, delivered);
}

function received(object: KubeObject, { metadataOnly = false, project }: Watch | Reference): KubeObject {
  const { apiVersion, kind, metadata } = object;
  const whole = metadataOnly ? Object.freeze({ apiVersion, kind, metadata }) : object;
  return project === undefined ? whole : project(whole);
}

function selects(selector: string | undefined, metadata: ObjectMeta): boolean {
  return selector === undefined || matchOfText(selector, metadata.labels ?? {}) !== undefined;
}
