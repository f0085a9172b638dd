import type {
  KindPlugin,
  KindView,
  MemberState,
  OwnedPod,
  Reason,
  Verdict,
  Watch,
  WatchPlan,
} from "../contract/kind.ts";
import type { KubeObject, Pod } from "../contract/resource.ts";
import { answer, describe, isRecord, isText, pluginError } from "./host-error.ts";

const STATES: ReadonlySet<MemberState> = new Set<MemberState>([
  "current",
  "kept",
  "superseded",
  "terminating",
  "finished",
  "helper",
  "unsettled",
]);

/** A judgement whose every answer is checked. */
export interface HostedJudgement {
  pod(owned: OwnedPod): Verdict;
  readonly note: Reason | undefined;
}

/**
 * A kind whose calls name the plugin and the function when they fail, and whose answers are checked. Every method throws
 * `KINSYNC_PLUGIN_FAILED` only. Objects handed in are frozen already: the store does that once, when they arrive.
 */
export interface HostedKind {
  readonly plugin: KindPlugin;
  readonly name: string;
  readonly judgesSet: boolean;
  readonly infrastructure: readonly string[];
  /** Whether the kind can take pods by their labels where a watch is missing. */
  readonly canClaim: boolean;
  watches(root: KubeObject): WatchPlan;
  judge(view: KindView): HostedJudgement;
  claims(root: KubeObject, pod: Pod): boolean;
  project(watch: Watch, object: KubeObject): KubeObject;
  defaultContainer(pod: Pod): string | undefined;
}

const hosted = new WeakMap<KindPlugin, HostedKind>();

/** The one way to call a kind. The same plugin gives the same host. */
export function hostKind(kind: KindPlugin): HostedKind {
  let host = hosted.get(kind);
  if (host === undefined) {
    host = createHostedKind(kind);
    hosted.set(kind, host);
  }
  return host;
}

function createHostedKind(kind: KindPlugin): HostedKind {
  const { name } = kind;
  return {
    plugin: kind,
    name,
    judgesSet: kind.judgesSet ?? false,
    infrastructure: kind.infrastructure ?? [],
    canClaim: kind.claims !== undefined,
    watches(root) {
      return call(name, "watches", () => checkedPlan(kind.watches(root)));
    },
    judge(view) {
      const frozen = freezeView(view);
      return call(name, "judge", () => {
        const judgement = kind.judge(frozen);
        if (!isRecord(judgement) || typeof judgement.pod !== "function") {
          throw answer(`judge gave ${describe(judgement)} instead of { pod: function }`);
        }
        const note = judgement.note === undefined ? undefined : checkedReason(judgement.note, "its note");
        return {
          pod: (owned: OwnedPod) => call(name, "judge.pod", () => checkedVerdict(judgement.pod(owned), owned)),
          note,
        };
      });
    },
    claims(root, pod) {
      const { claims } = kind;
      if (claims === undefined) return false;
      return call(name, "claims", () => {
        const claimed: unknown = claims.call(kind, root, pod);
        if (typeof claimed !== "boolean") throw answer(`claims gave ${describe(claimed)} instead of a boolean`);
        return claimed;
      });
    },
    project(watch, object) {
      const { project } = watch;
      if (project === undefined) return object;
      return call(name, "project", () => {
        const projected = project.call(watch, object);
        if (!isRecord(projected) || !isRecord(projected.metadata) || projected.metadata.uid !== object.metadata.uid) {
          throw answer(`project lost metadata.uid of ${object.kind} ${object.metadata.name}`);
        }
        // What the walk and the messages stand on is never the plugin's to drop.
        const { ownerReferences } = object.metadata;
        return {
          ...projected,
          apiVersion: object.apiVersion,
          kind: object.kind,
          metadata: {
            ...projected.metadata,
            name: object.metadata.name,
            ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
            ...(ownerReferences === undefined ? {} : { ownerReferences }),
            ...(object.metadata.resourceVersion === undefined
              ? {}
              : { resourceVersion: object.metadata.resourceVersion }),
          },
        };
      });
    },
    defaultContainer(pod) {
      const { defaultContainer } = kind;
      if (defaultContainer === undefined) return undefined;
      return call(name, "defaultContainer", () => {
        const container: unknown = defaultContainer.call(kind, pod);
        if (container !== undefined && typeof container !== "string") {
          throw answer(`defaultContainer gave ${describe(container)} instead of a name`);
        }
        return container;
      });
    },
  };
}

/** The envelope only: the objects in it were frozen when they arrived, so this costs nothing that grows. */
function freezeView(view: KindView): KindView {
  return Object.freeze({
    root: view.root,
    owned: Object.freeze(view.owned),
    pods: Object.freeze(view.pods),
    missing: Object.freeze(view.missing),
  });
}

function call<T>(plugin: string, operation: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw pluginError(plugin, operation, error);
  }
}

function checkedVerdict(verdict: Verdict, owned: OwnedPod): Verdict {
  const pod = owned.pod.metadata.name;
  if (!isRecord(verdict)) throw answer(`gave ${describe(verdict)} for pod ${pod} instead of a verdict`);
  if (!STATES.has(verdict.state)) {
    throw answer(`gave state ${describe(verdict.state)} for pod ${pod}; states are ${[...STATES].join(", ")}`);
  }
  if (verdict.role !== undefined && typeof verdict.role !== "string") {
    throw answer(`gave role ${describe(verdict.role)} for pod ${pod}; a role is a string`);
  }
  if (verdict.index !== undefined && typeof verdict.index !== "string") {
    throw answer(`gave index ${describe(verdict.index)} for pod ${pod}; an index is a string`);
  }
  checkedReason(verdict.reason, `its verdict for pod ${pod}`);
  return verdict;
}

function checkedReason(reason: Reason, where: string): Reason {
  if (!isRecord(reason) || !isText(reason.code) || !isText(reason.message)) {
    throw answer(`${where} has no reason with code and message`);
  }
  if (reason.evidence !== undefined && !isRecord(reason.evidence)) {
    throw answer(`${where} has evidence that is no object: ${describe(reason.evidence)}`);
  }
  return reason;
}

function checkedPlan(plan: WatchPlan): WatchPlan {
  if (!isRecord(plan) || !Array.isArray(plan.watches)) {
    throw answer(`watches gave ${describe(plan)} instead of { watches: [...] }`);
  }
  for (const watch of plan.watches as readonly Watch[]) {
    const { resource } = watch;
    if (!isRecord(resource) || typeof resource.group !== "string" || !isText(resource.version)) {
      throw answer("watches names a resource without group and version");
    }
    if (!isText(resource.kind) || !isText(resource.plural)) {
      throw answer("watches names a resource without kind and plural");
    }
    checkedOwner(watch.owner, resource.plural);
    checkedSelector(watch.labelSelector, resource.plural);
    if (watch.project !== undefined && typeof watch.project !== "function") {
      throw answer(`project of ${resource.plural} is no function`);
    }
  }
  if (plan.pods !== undefined) {
    checkedOwner(plan.pods.owner, "pods");
    checkedSelector(plan.pods.labelSelector, "pods");
  }
  return plan;
}

function checkedOwner(owner: unknown, what: string): void {
  if (owner !== undefined && owner !== "controller" && owner !== "any") {
    throw answer(`owner of ${what} is ${describe(owner)}; it is "controller" or "any"`);
  }
}

function checkedSelector(selector: unknown, what: string): void {
  if (selector !== undefined && typeof selector !== "string") {
    throw answer(`labelSelector of ${what} is ${describe(selector)}; it is a string`);
  }
}
