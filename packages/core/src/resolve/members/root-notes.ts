import type { Reason } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import type { WorkloadRef } from "../resolution.ts";
import type { Rule } from "./rule.ts";

/** What the root itself says about the workload, whatever its kind: it is being deleted, or only one namespace is watched. */
export function notesOfRoot(root: KubeObject, rule: Rule, ref: WorkloadRef): readonly Reason[] {
  return [...noteOfTermination(root), ...noteOfNamespace(root, rule, ref)];
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
