import { capabilitiesOf } from "../contract/capabilities.ts";
import { loadTransport, type KindEntry, type TransportEntry } from "../plugins/host.ts";
import type { PolicyRule } from "../contract/status.ts";
import type { FoundWorkload } from "../resolve/find/find-workload.ts";
import { neededResources, ruleOf, type NeededResource } from "../resolve/members/rule.ts";

/** One rule of a Role that a run needs; a ClusterRole where `namespace` is `undefined`. */
export interface NeededPermission extends PolicyRule {
  /** The run goes on without it, and a note names what is missing then. */
  readonly isOptional: boolean;
  /** What needs it, where a sync does not: "`kinsync logs`". */
  readonly use?: string;
}

/** A workload and the names of the transports that write to it; none where it is only read. */
export interface PermissionSubject {
  readonly found: FoundWorkload;
  readonly transports: readonly string[];
}

const READ = ["get", "list", "watch"] as const;

/**
 * The permissions that a run needs, from what the kinds watch and what the transports declare: one rule for each namespace, API
 * group and list of verbs. Kinds of owners that no plugin claims are found while a run looks at pods; they are not in the list.
 */
export async function neededPermissions(
  subjects: readonly PermissionSubject[],
  kinds: readonly KindEntry[],
  transports: readonly TransportEntry[],
): Promise<readonly NeededPermission[]> {
  const rules: NeededPermission[] = [];
  for (const { found, transports: used } of subjects) {
    const { ref, kind, root } = found;
    const needs: readonly NeededResource[] = [
      { resource: ref.resource, isOptional: false },
      ...(await neededResources(ruleOf(kind, ref), root, kinds)),
    ];
    for (const { resource, isOptional } of needs) {
      const scope = resource.namespaced === false ? {} : { namespace: ref.namespace };
      rules.push({ apiGroups: [resource.group], resources: [resource.plural], verbs: READ, isOptional, ...scope });
    }
    for (const entry of transports) {
      if (!used.includes(entry.name)) continue;
      const transport = await loadTransport(entry);
      for (const { isOptional = false, ...rule } of transport.permissions ?? []) {
        rules.push({ ...rule, isOptional, namespace: ref.namespace });
      }
      for (const rule of capabilitiesOf(transport).writesApi) {
        rules.push({ ...rule, isOptional: false, namespace: ref.namespace });
      }
    }
  }
  return merged(rules);
}

/** Joins the resources of rules that are the same otherwise. A resource that something needs is not optional. */
function merged(rules: readonly NeededPermission[]): readonly NeededPermission[] {
  const groups = new Map<string, NeededPermission>();
  const needed = new Set(rules.filter(({ isOptional }) => !isOptional).flatMap((rule) => keysOf(rule)));
  for (const rule of rules) {
    const resources = rule.resources.filter((resource) => !rule.isOptional || !needed.has(keyOf(rule, resource)));
    if (resources.length === 0) continue;
    const key = JSON.stringify([rule.namespace, rule.apiGroups, rule.verbs, rule.isOptional]);
    const before = groups.get(key)?.resources ?? [];
    groups.set(key, { ...rule, resources: [...new Set([...before, ...resources])] });
  }
  return [...groups.values()];
}

function keysOf(rule: NeededPermission): readonly string[] {
  return rule.resources.map((resource) => keyOf(rule, resource));
}

function keyOf({ namespace, apiGroups }: NeededPermission, resource: string): string {
  return JSON.stringify([namespace, apiGroups, resource]);
}
