import type { NeededPermission } from "@kinsync/core/project";

/** Who gets the roles. */
export interface RoleSubject {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly name: string;
  /** Only of a service account. */
  readonly namespace?: string;
}

export interface RoleOptions {
  /** Name of all roles and bindings. */
  readonly name: string;
  readonly subjects: readonly RoleSubject[];
  /** Leave out what a run can do without. */
  readonly isRequiredOnly: boolean;
}

/** One rule of a Role, as the API has it. */
export interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** A Role, ClusterRole, RoleBinding or ClusterRoleBinding of `rbac.authorization.k8s.io/v1`. */
export interface RoleObject {
  readonly apiVersion: string;
  readonly kind: "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding";
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly RoleRule[];
  readonly roleRef?: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly (RoleSubject & { readonly apiGroup?: string })[];
}

/** A role, and why a run can do without some of its rules, by their place. */
export interface NeededRole {
  readonly object: RoleObject;
  readonly optional: ReadonlyMap<number, string>;
}

const WITHOUT = "without it, kinsync finds pods by their labels, and says so";

const GROUP = "rbac.authorization.k8s.io";

/**
 * The least roles for these permissions: a Role for each namespace, a ClusterRole for what has no namespace, and their bindings where there
 * are subjects. No rule repeats what another one grants.
 */
export function rolesFor(
  permissions: readonly NeededPermission[],
  { name, subjects, isRequiredOnly }: RoleOptions,
): { readonly roles: readonly NeededRole[]; readonly bindings: readonly RoleObject[] } {
  const needed = permissions.filter(({ isOptional }) => !isOptional || !isRequiredOnly);
  const namespaces = [...new Set(needed.map(({ namespace }) => namespace))].sort((a, b) =>
    (a ?? "").localeCompare(b ?? ""),
  );
  const roles = namespaces.map((namespace): NeededRole => {
    const own = withoutRepetition(needed.filter((rule) => rule.namespace === namespace));
    return {
      object: {
        apiVersion: `${GROUP}/v1`,
        kind: namespace === undefined ? "ClusterRole" : "Role",
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        rules: own.map(({ apiGroups, resources, verbs }) => ({ apiGroups, resources, verbs })),
      },
      optional: new Map(
        own.flatMap(({ isOptional, use }, place): (readonly [number, string])[] =>
          isOptional ? [[place, use === undefined ? WITHOUT : `for ${use}; a sync does not need it`]] : [],
        ),
      ),
    };
  });
  const bindings = subjects.length === 0 ? [] : roles.map(({ object }) => bindingOf(object, subjects));
  return { roles, bindings };
}

function bindingOf({ kind, metadata, apiVersion }: RoleObject, subjects: readonly RoleSubject[]): RoleObject {
  return {
    apiVersion,
    kind: kind === "ClusterRole" ? "ClusterRoleBinding" : "RoleBinding",
    metadata,
    roleRef: { apiGroup: GROUP, kind, name: metadata.name },
    subjects: subjects.map((subject) =>
      subject.kind === "ServiceAccount" ? subject : { ...subject, apiGroup: GROUP },
    ),
  };
}

/** One rule for each group and list of verbs; verbs that several rules give a resource are joined. */
function withoutRepetition(rules: readonly NeededPermission[]): readonly NeededPermission[] {
  const grants = new Map<string, Grant>();
  for (const { apiGroups, resources, verbs, isOptional, use } of rules) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        const key = `${group}/${resource}`;
        const grant = grants.get(key) ?? { group, resource, verbs: new Set<string>(), isOptional: true, use };
        for (const verb of verbs) grant.verbs.add(verb);
        grants.set(key, { ...grant, isOptional: grant.isOptional && isOptional });
      }
    }
  }
  const joined = new Map<string, NeededPermission>();
  for (const { group, resource, verbs, isOptional, use } of grants.values()) {
    const reason = isOptional ? use : undefined;
    const key = JSON.stringify([group, [...verbs].sort(), isOptional, reason]);
    const before = joined.get(key)?.resources ?? [];
    const rule = { apiGroups: [group], resources: [...before, resource], verbs: [...verbs], isOptional };
    joined.set(key, reason === undefined ? rule : { ...rule, use: reason });
  }
  return [...joined.values()];
}

interface Grant {
  readonly group: string;
  readonly resource: string;
  readonly verbs: Set<string>;
  readonly isOptional: boolean;
  readonly use: string | undefined;
}
