import type { Document } from "yaml";
import { KinsyncError } from "@kinsync/core/contract";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { cleanData } from "../../render/text.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";
import { rolesFor, type NeededRole, type RoleSubject } from "./roles.ts";

export interface RbacOptions extends ClusterOptions {
  /** Name of the roles and bindings. Default: `kinsync`. */
  readonly name: string;
  readonly users: readonly string[];
  readonly groups: readonly string[];
  /** `NAMESPACE:NAME`, as kubectl writes them. */
  readonly serviceAccounts: readonly string[];
  /** Leave out what a run can do without. */
  readonly isRequiredOnly: boolean;
  /** For `kinsync logs` and `up --logs`, too. */
  readonly logs: boolean;
  /** For `kinsync forward`, and for `forward` of the config. */
  readonly forward: boolean;
}

/** Prints the least roles for `up` and `sync`, for `kubectl apply -f -`. Only reads. */
export async function runRbac(workloads: readonly string[], options: RbacOptions, io: Io): Promise<number> {
  const subjects = subjectsOf(options);
  const { openProject, permissionsForStreams } = await import("@kinsync/core/project");
  await using project = await openProject({ ...projectOptions(options, io, { workloads }), access: "check" });
  const needed = [...project.permissions, ...permissionsForStreams(project.workloads, options)];
  const { roles, bindings } = rolesFor(needed, { ...options, subjects });
  if (options.json) {
    const items = [...roles.map(({ object }) => object), ...bindings];
    io.stdout.write(`${JSON.stringify(cleanData({ apiVersion: "v1", kind: "List", items }))}\n`);
    return EXIT.done;
  }
  const names = project.workloads.map(({ name, ref }) => `${name} (namespace ${ref.namespace})`);
  const yaml = await import("yaml");
  const documents = [
    ...roles.map((role) => yamlOf(new yaml.Document(cleanData(role.object)), role)),
    ...bindings.map((binding) => String(new yaml.Document(cleanData(binding)))),
  ];
  const head = [
    `# What kinsync needs to sync ${names.join(", ")}. Apply it with: kubectl apply -f -`,
    ...(subjects.length === 0
      ? ["# For the bindings, add --bind-user NAME, --bind-group NAME or --bind-serviceaccount NAMESPACE:NAME."]
      : []),
    ...(options.logs ? [] : ["# For `kinsync logs` and `up --logs`, add --logs: get on pods/log."]),
    ...(options.forward ? [] : ["# For `kinsync forward`, add --forward: get and create on pods/portforward."]),
  ];
  io.stdout.write(`${head.join("\n")}\n${documents.join("---\n")}`);
  return EXIT.done;
}

/** A role as YAML; a comment marks the rules that are optional. */
function yamlOf(document: Document, { optional }: NeededRole): string {
  for (const [place, why] of optional) {
    const rule = document.getIn(["rules", place]) as { commentBefore?: string };
    rule.commentBefore = ` optional: ${why}`;
  }
  return String(document);
}

function subjectsOf({ users, groups, serviceAccounts }: RbacOptions): readonly RoleSubject[] {
  return [
    ...users.map((name) => ({ kind: "User" as const, name })),
    ...groups.map((name) => ({ kind: "Group" as const, name })),
    ...serviceAccounts.map((text) => {
      const [namespace = "", name = "", ...rest] = text.split(":");
      if (namespace === "" || name === "" || rest.length > 0) {
        throw new KinsyncError("KINSYNC_USAGE", `--bind-serviceaccount ${text} is not NAMESPACE:NAME`, {
          hint: "For example: --bind-serviceaccount ci:deployer",
        });
      }
      return { kind: "ServiceAccount" as const, name, namespace };
    }),
  ];
}
