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
import { hostKind, type HostedJudgement } from "../../plugins/host.ts";
import type { WorkloadRef } from "../resolution.ts";
import { isPods } from "../../kube/resource-path.ts";

/** What judges a root: a kind, or the rule for roots that no kind claims. */
export interface Rule {
  readonly kind: string | undefined;
  readonly judgesSet: boolean;
  readonly canClaim: boolean;
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
  claims(root: KubeObject, pod: Pod): boolean;
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
    canClaim: host.canClaim,
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
    claims: (root, pod) => host.claims(root, pod),
    defaultContainer: (pod) => host.defaultContainer(pod),
    roles: (root) => host.roles(root),
    namespaces: (root) => host.namespaces(root),
  };
}

/** True if the kind reads objects of this resource in this version. */
export function servesVersion(kind: KindPlugin, { version }: ResourceType): boolean {
  return version === kind.root.version || (kind.root.versions?.includes(version) ?? false);
}

const OWNED_AND_ALIVE: Rule = {
  kind: undefined,
  judgesSet: false,
  canClaim: false,
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
  claims: () => false,
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
