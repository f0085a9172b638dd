import type { KindView, OwnedPod, Verdict } from "../contract/kind.ts";
import type { KubeObject, Pod } from "../contract/resource.ts";
import { toCel } from "./cel/values.ts";

/** What the expressions of one part of a file can read. Named expressions of `let` come on top, where they read no more than that. */
export type Scope = keyof typeof SCOPES;

const OF_VIEW = ["root", "owned", "pods", "missing", "referred"] as const;
const OF_POD = ["pod", "labels", "annotations"] as const;

export const SCOPES = {
  root: ["root"],
  view: OF_VIEW,
  child: [...OF_VIEW, "child"],
  pod: [...OF_VIEW, ...OF_POD, "owners", "by"],
  podOfChild: [...OF_VIEW, ...OF_POD, "owners", "by", "child"],
  delegated: [...OF_VIEW, ...OF_POD, "owners", "by", "child", "verdict"],
  container: OF_POD,
  match: ["root", ...OF_POD],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Every name that an expression can have without `let`. */
export const BASE_NAMES: readonly string[] = SCOPES.delegated;

/** Values that one evaluation can read, by name. */
export type Variables = Readonly<Record<string, unknown>>;

export function rootVariables(root: KubeObject): Variables {
  return { root };
}

export function viewVariables({ root, owned, pods, missing, referred }: KindView): Variables {
  return {
    root,
    owned,
    pods: pods.map(({ pod }) => pod),
    missing: missing.map(({ plural, group }) => (group === "" ? plural : `${plural}.${group}`)),
    referred,
  };
}

export function podVariables(pod: Pod): Variables {
  const { labels = {}, annotations = {} } = pod.metadata;
  return { pod, labels: toCel(labels), annotations: toCel(annotations) };
}

export function ownedVariables(
  { pod, owners, by }: OwnedPod,
  child: KubeObject | undefined,
  verdict: Verdict | undefined,
): Variables {
  return { ...podVariables(pod), owners, by, child: child ?? null, verdict: verdict ?? null };
}
