import type {
  Judgement,
  KindPlugin,
  KindView,
  OwnedPod,
  Reason,
  Reference,
  Verdict,
  Watch,
  WatchPlan,
} from "../contract/kind.ts";
import type { KubeObject, Pod } from "../contract/resource.ts";
import { answer, call, describe, isRecord } from "./host-error.ts";
import { checkedJudgement, checkedNotes, checkedPlan, checkedTexts, checkedVerdict } from "./kind-answers.ts";

/** A judgement whose every answer is checked. */
export interface HostedJudgement {
  pod(owned: OwnedPod): Verdict;
  /** `undefined`: the kind leaves it to its delegated children. */
  readonly notes: readonly Reason[] | undefined;
}

/**
 * A kind whose errors name the plugin and the function, and whose answers are checked. Every method throws `KINSYNC_PLUGIN_FAILED`
 * only. The objects given to it are frozen already: the store does that once, when they arrive.
 */
export interface HostedKind {
  readonly plugin: KindPlugin;
  readonly name: string;
  readonly judgesSet: boolean;
  readonly infrastructure: readonly string[];
  /** The kind can match pods by their labels where a watch is missing. */
  readonly canMatchByLabels: boolean;
  watches(root: KubeObject): WatchPlan;
  judge(view: KindView): HostedJudgement;
  matchesByLabels(root: KubeObject, pod: Pod): boolean;
  project(watch: Watch | Reference, object: KubeObject): KubeObject;
  defaultContainer(pod: Pod): string | undefined;
  /** `undefined` where the kind does not declare them. */
  roles(root: KubeObject): readonly string[] | undefined;
  /** `undefined` where the kind does not declare them. */
  namespaces(root: KubeObject): readonly string[] | undefined;
}

const hosted = new WeakMap<KindPlugin, HostedKind>();

/** The only way to call a kind. The same plugin gives the same host. */
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
    canMatchByLabels: kind.matchesByLabels !== undefined,
    watches(root) {
      return call(name, "watches", () => checkedPlan(kind.watches(root)));
    },
    judge(view) {
      const frozen = freezeView(view);
      return call(name, "judge", () => {
        const judgement: Judgement = checkedJudgement(kind.judge(frozen));
        return {
          pod: (owned: OwnedPod) => call(name, "judge.pod", () => checkedVerdict(judgement.pod(owned), owned)),
          notes: judgement.notes === undefined ? undefined : checkedNotes(judgement.notes),
        };
      });
    },
    matchesByLabels(root, pod) {
      const { matchesByLabels } = kind;
      if (matchesByLabels === undefined) return false;
      return call(name, "matchesByLabels", () => {
        const isMatched: unknown = matchesByLabels.call(kind, root, pod);
        if (typeof isMatched !== "boolean")
          throw answer(`matchesByLabels returned ${describe(isMatched)} instead of a boolean`);
        return isMatched;
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
        // The walk and the messages need these fields whatever the plugin drops.
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
          throw answer(`defaultContainer returned ${describe(container)} instead of a name`);
        }
        return container;
      });
    },
    roles(root) {
      if (kind.roles === undefined) return undefined;
      return call(name, "roles", () => checkedTexts(kind.roles?.(root), "roles"));
    },
    namespaces(root) {
      if (kind.namespaces === undefined) return undefined;
      return call(name, "namespaces", () => checkedTexts(kind.namespaces?.(root), "namespaces"));
    },
  };
}

/** Only the outer object: its objects were frozen when they arrived, so the cost does not grow with them. */
function freezeView(view: KindView): KindView {
  return Object.freeze({
    root: view.root,
    owned: Object.freeze(view.owned),
    pods: Object.freeze(view.pods),
    missing: Object.freeze(view.missing),
    referred: Object.freeze(view.referred),
    rule: view.rule,
  });
}
