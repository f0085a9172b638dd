import type { Reason } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { resourceName } from "../../kube/resource-path.ts";
import type { WorkloadRef } from "../resolution.ts";
import type { Rule } from "./rule.ts";

/**
 * What the user should know of a workload, whatever its kind: it is being deleted, only one namespace is watched, or no kind supports it.
 */
export function notesOfRoot(root: KubeObject, rule: Rule, ref: WorkloadRef): readonly Reason[] {
  return [...noteOfTermination(root), ...noteOfNamespace(root, rule, ref), ...noteOfFallback(root, rule, ref)];
}

/** The rule "owned and alive" cannot know what only a kind knows. */
function noteOfFallback(root: KubeObject, rule: Rule, { resource, name }: WorkloadRef): Reason[] {
  if (rule.kind !== undefined || rule.rootIsMember) return [];
  return [
    {
      code: "no-kind",
      message: `kinsync has no kind for ${resourceName(resource)}: every live pod of ${root.kind} ${root.metadata.name} gets files, also those that a rollout is replacing, and roles are not known; \`kinsync kinds new ${resource.plural}/${name}\` prints rules to start with`,
      evidence: { resource: resourceName(resource), version: resource.version },
    },
  ];
}

function noteOfTermination(root: KubeObject): Reason[] {
  const { deletionTimestamp, name } = root.metadata;
  if (deletionTimestamp === undefined) return [];
  return [
    {
      code: "root-terminating",
      message: `the ${root.kind} ${name} is being deleted`,
      evidence: { "metadata.deletionTimestamp": deletionTimestamp },
    },
  ];
}

/** A cluster-scoped root may have pods anywhere, and only its kind can name the namespaces. */
function noteOfNamespace(root: KubeObject, rule: Rule, { resource, namespace }: WorkloadRef): Reason[] {
  if (resource.namespaced !== false || rule.rootIsMember || rule.declaresNamespaces) return [];
  return [
    {
      code: "one-namespace",
      message: `${root.kind} ${root.metadata.name} is cluster-scoped, and only its pods in namespace ${namespace} are watched`,
      evidence: { namespace },
    },
  ];
}
