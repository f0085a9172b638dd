import type { KindRules, RuleChild, RuleResource, RuleWatch } from "../../contract/rules.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { parseApiVersion } from "../../kube/resource-path.ts";
import { pluralOf } from "../../text/plural.ts";
import type { Member, Resolution } from "../resolution.ts";

/** The part of a kind that says which objects it judges. */
interface Served {
  readonly root: ResourceType;
}

/**
 * The shortest rules for a workload that no kind supports: its children are left to the kinds that are there, and its own pods are
 * current while they live.
 * @param kinds all that are available
 */
export function firstRules({ workload, members }: Resolution, kinds: readonly Served[]): KindRules {
  const children = new Map<string, RuleChild>();
  const watches = new Map<string, RuleWatch>();
  for (const { owners } of members) {
    const child = owners.at(-1);
    if (child === undefined) continue;
    const served = kinds.find(({ root }) => isOf(root, child));
    const key = `${child.apiVersion} ${child.kind}`;
    children.set(key, { ...typeOf(child, served), ...(served === undefined ? {} : { delegate: true }) });
    if (served !== undefined) continue;
    // Nobody else follows the owners below a child without a kind.
    for (const owner of owners.slice(0, -1)) watches.set(`${owner.apiVersion} ${owner.kind}`, typeOf(owner, undefined));
  }
  const { group, version, kind, plural, namespaced } = workload.resource;
  return {
    name: kind.toLowerCase(),
    root: { group, version, kind, ...pluralIfOther(kind, plural), ...(namespaced === false ? { namespaced } : {}) },
    ...(watches.size === 0 ? {} : { watches: [...watches.values()] }),
    ...(children.size === 0 ? {} : { children: [...children.values()] }),
  };
}

/** Labels that some members have with different values: what may tell revisions or roles apart. */
export function differingLabels(members: readonly Member[]): readonly string[] {
  const values = new Map<string, Set<string>>();
  for (const { pod } of members) {
    for (const [name, value] of Object.entries(pod.metadata.labels ?? {})) {
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
  }
  return [...values].filter(([, found]) => found.size > 1).map(([name]) => name);
}

function isOf(root: ResourceType, object: KubeObject): boolean {
  return root.kind === object.kind && root.group === parseApiVersion(object.apiVersion).group;
}

function typeOf(object: KubeObject, served: Served | undefined): RuleResource {
  const { group, version } = parseApiVersion(object.apiVersion);
  const { kind } = object;
  return { group, version, kind, ...(served === undefined ? {} : pluralIfOther(kind, served.root.plural)) };
}

function pluralIfOther(kind: string, plural: string): { readonly plural?: string } {
  return plural === pluralOf(kind) ? {} : { plural };
}
