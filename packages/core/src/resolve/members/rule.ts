import {
  verdictOfInactivePod,
  type KindPlugin,
  type KindView,
  type Verdict,
  type WatchPlan,
} from "../../contract/kind.ts";
import type { KubeObject, Pod } from "../../contract/resource.ts";
import { hostKind, type HostedJudgement } from "../../plugins/host.ts";
import type { WorkloadRef } from "../resolution.ts";
import { isPods } from "../../kube/resource-path.ts";

/** What judges a workload: a kind, or the rule for roots that none claims. */
export interface Rule {
  readonly kind: string | undefined;
  readonly judgesSet: boolean;
  readonly canClaim: boolean;
  /** Owner kinds that turn up on pods are watched as they are met. */
  readonly followsOwners: boolean;
  /** The root is a pod: it is the only member. */
  readonly rootIsMember: boolean;
  /** `undefined`: nothing but the root is watched. */
  plan(root: KubeObject): WatchPlan | undefined;
  judge(view: KindView): HostedJudgement;
  claims(root: KubeObject, pod: Pod): boolean;
}

export function ruleOf(kind: KindPlugin | undefined, ref: WorkloadRef): Rule {
  if (kind === undefined) return isPods(ref.resource) ? POD_ITSELF : OWNED_AND_ALIVE;
  const host = hostKind(kind);
  return {
    kind: host.name,
    judgesSet: host.judgesSet,
    canClaim: host.canClaim,
    followsOwners: false,
    rootIsMember: false,
    plan: (root) => {
      const plan = host.watches(root);
      return {
        ...plan,
        watches: plan.watches.map((watch) =>
          watch.project === undefined ? watch : { ...watch, project: (object) => host.project(watch, object) },
        ),
      };
    },
    judge: (view) => host.judge(view),
    claims: (root, pod) => host.claims(root, pod),
  };
}

const OWNED_AND_ALIVE: Rule = {
  kind: undefined,
  judgesSet: false,
  canClaim: false,
  followsOwners: true,
  rootIsMember: false,
  plan: () => ({ watches: [], pods: { owner: "any" } }),
  judge: ({ root }) => ({
    note: undefined,
    pod: ({ pod, owners }) =>
      alive(pod, "owned-and-alive", `${root.kind} ${root.metadata.name} owns it, and it is alive`, {
        "root.metadata.uid": root.metadata.uid,
        owners: owners.map((owner) => `${owner.kind}/${owner.metadata.name}`).join(" < "),
      }),
  }),
  claims: () => false,
};

const POD_ITSELF: Rule = {
  ...OWNED_AND_ALIVE,
  followsOwners: false,
  rootIsMember: true,
  plan: () => undefined,
  judge: () => ({
    note: undefined,
    pod: ({ pod }) => alive(pod, "named-itself", "it is the pod that was named, and it is alive", {}),
  }),
};

function alive(pod: Pod, code: string, message: string, evidence: Readonly<Record<string, string>>): Verdict {
  return verdictOfInactivePod(pod) ?? { state: "current", reason: { code, message, evidence } };
}
