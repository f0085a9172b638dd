import {
  verdictOfInactivePod,
  type KindPlugin,
  type KindView,
  type Reference,
  type Verdict,
  type Watch,
  type WatchPlan,
} from "../../contract/kind.ts";
import type { KubeObject, Pod, ResourceType } from "../../contract/resource.ts";
import { hostKind, loadKind, type HostedJudgement, type KindEntry } from "../../plugins/host.ts";
import type { WorkloadRef } from "../resolution.ts";
import { apiVersionOf, isPods, PODS } from "../../kube/resource-path.ts";

/** Delegation that is deeper than this is refused: deeper delegation has no use, and each level costs watches. */
export const MAX_DEPTH = 8;

/** The rule that judges a root: a kind, or the rule for roots that no kind supports. */
export interface Rule {
  readonly kind: string | undefined;
  readonly judgesSet: boolean;
  readonly canMatchByLabels: boolean;
  /** Owner kinds that appear on pods are watched once they are found. */
  readonly followsOwners: boolean;
  /** The root is a pod: it is the only member. */
  readonly rootIsMember: boolean;
  /** The rule names the namespaces of a cluster-scoped root. */
  readonly declaresNamespaces: boolean;
  /** Containers that are never chosen by default. */
  readonly infrastructure: readonly string[];
  /** `undefined`: nothing but the root is watched. */
  plan(root: KubeObject): WatchPlan | undefined;
  judge(view: KindView): HostedJudgement;
  matchesByLabels(root: KubeObject, pod: Pod): boolean;
  defaultContainer(pod: Pod): string | undefined;
  /** `undefined` where they are not declared. */
  roles(root: KubeObject): readonly string[] | undefined;
  /** `undefined` where they are not declared. */
  namespaces(root: KubeObject): readonly string[] | undefined;
}

export function ruleOf(kind: KindPlugin | undefined, ref: Pick<WorkloadRef, "resource">): Rule {
  if (kind !== undefined) return ruleOfKind(kind);
  return isPods(ref.resource) ? POD_ITSELF : OWNED_AND_ALIVE;
}

/** The rule of a kind, each call through its host. */
export function ruleOfKind(kind: KindPlugin): Rule {
  const host = hostKind(kind);
  function hosted<Source extends Watch | Reference>(source: Source): Source {
    return source.project === undefined ? source : { ...source, project: (object) => host.project(source, object) };
  }
  return {
    kind: host.name,
    judgesSet: host.judgesSet,
    canMatchByLabels: host.canMatchByLabels,
    followsOwners: false,
    rootIsMember: false,
    declaresNamespaces: kind.namespaces !== undefined,
    infrastructure: host.infrastructure,
    plan: (root) => {
      const { refers, watches, ...plan } = host.watches(root);
      return {
        ...plan,
        watches: watches.map(hosted),
        ...(refers === undefined ? {} : { refers: refers.map(hosted) }),
      };
    },
    judge: (view) => host.judge(view),
    matchesByLabels: (root, pod) => host.matchesByLabels(root, pod),
    defaultContainer: (pod) => host.defaultContainer(pod),
    roles: (root) => host.roles(root),
    namespaces: (root) => host.namespaces(root),
  };
}

/** True if the kind reads objects of this resource in this version. */
export function servesVersion(kind: Pick<KindPlugin, "root">, { version }: ResourceType): boolean {
  return version === kind.root.version || (kind.root.versions?.includes(version) ?? false);
}

/** A resource that a workload reads besides its root. */
export interface NeededResource {
  readonly resource: ResourceType;
  readonly isOptional: boolean;
}

/**
 * Every resource that a root's plan names, pods included, with what the kinds of delegated children watch. The children are not known
 * here, so their kinds plan for an object of their resource without spec; a kind that cannot do that, or cannot be loaded, adds nothing.
 */
export async function neededResources(
  rule: Rule,
  root: KubeObject,
  kinds: readonly KindEntry[],
  depth = 0,
): Promise<readonly NeededResource[]> {
  const plan = rule.plan(root);
  if (plan === undefined) return [];
  const sources = [...plan.watches, ...(plan.refers ?? [])];
  const own = sources.map(({ resource, optional }) => ({ resource, isOptional: optional ?? false }));
  const below = plan.watches.map(async ({ resource, delegate }): Promise<readonly NeededResource[]> => {
    const kind = kinds.find(({ root }) => root.group === resource.group && root.kind === resource.kind);
    if (delegate !== true || kind === undefined || depth === MAX_DEPTH) return [];
    const metadata = {
      name: "",
      uid: "",
      ...(root.metadata.namespace === undefined ? {} : { namespace: root.metadata.namespace }),
    };
    try {
      const child = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
      return await neededResources(ruleOfKind(await loadKind(kind)), child, kinds, depth + 1);
    } catch {
      return [];
    }
  });
  return [{ resource: PODS, isOptional: false }, ...own, ...(await Promise.all(below)).flat()];
}

const OWNED_AND_ALIVE: Rule = {
  kind: undefined,
  judgesSet: false,
  canMatchByLabels: false,
  followsOwners: true,
  rootIsMember: false,
  declaresNamespaces: false,
  infrastructure: [],
  plan: () => ({ watches: [], pods: { owner: "any" } }),
  judge: ({ root }) => ({
    notes: [],
    pod: ({ pod, owners }) =>
      alive(pod, "owned-and-alive", `${root.kind} ${root.metadata.name} owns it, and it is alive`, {
        "root.metadata.uid": root.metadata.uid,
        owners: owners.map((owner) => `${owner.kind}/${owner.metadata.name}`).join(" < "),
      }),
  }),
  matchesByLabels: () => false,
  defaultContainer: () => undefined,
  roles: () => undefined,
  namespaces: () => undefined,
};

const POD_ITSELF: Rule = {
  ...OWNED_AND_ALIVE,
  followsOwners: false,
  rootIsMember: true,
  plan: () => undefined,
  judge: () => ({
    notes: [],
    pod: ({ pod }) => alive(pod, "named-itself", "it is the pod that was named, and it is alive", {}),
  }),
};

function alive(pod: Pod, code: string, message: string, evidence: Readonly<Record<string, string>>): Verdict {
  return verdictOfInactivePod(pod) ?? { state: "current", reason: { code, message, evidence } };
}
