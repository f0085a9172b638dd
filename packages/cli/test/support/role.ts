import { connectCluster } from "@kinsync/core/cluster";
import type { Playground } from "@kinsync/playground";

/** A rule of a role, and where it applies; everywhere where `namespace` is missing. */
export interface GrantedRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly namespace?: string | undefined;
}

interface Served {
  readonly group: string;
  readonly name: string;
  readonly namespaced: boolean;
}

const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/** Denies every request for objects in these namespaces, and at the cluster scope, that the rules do not grant. */
export async function restrictTo(
  playground: Playground,
  rules: readonly GrantedRule[],
  namespaces: readonly string[],
): Promise<void> {
  playground.faults.allow();
  for (const { group, name, namespaced } of await servedResources(playground)) {
    const [plural = "", subresource = ""] = name.split("/");
    for (const namespace of namespaced ? namespaces : [undefined]) {
      for (const verb of VERBS) {
        const isGranted = rules.some(
          (rule) =>
            rule.apiGroups.includes(group) &&
            rule.resources.includes(name) &&
            rule.verbs.includes(verb) &&
            (rule.namespace === undefined || rule.namespace === namespace),
        );
        if (isGranted) continue;
        const resource = group === "" ? plural : `${plural}.${group}`;
        playground.faults.deny({ verb, resource, subresource, ...(namespace === undefined ? {} : { namespace }) });
      }
    }
  }
}

/** Every resource and subresource that the cluster serves, but access reviews. */
async function servedResources(playground: Playground): Promise<readonly Served[]> {
  const signal = AbortSignal.timeout(20_000);
  await using cluster = await connectCluster({ env: { KUBECONFIG: playground.kubeconfigPath }, signal });
  const read = async (path: string): Promise<unknown> => await (await cluster.request({ path, signal })).json();
  const { groups } = (await read("/apis")) as { groups: { name: string; versions: { groupVersion: string }[] }[] };
  const paths = [
    { group: "", path: "/api/v1" },
    ...groups.flatMap(({ name, versions }) =>
      versions.map(({ groupVersion }) => ({ group: name, path: `/apis/${groupVersion}` })),
    ),
  ];
  const served: Served[] = [];
  for (const { group, path } of paths) {
    if (group === "authorization.k8s.io" || group === "authentication.k8s.io") continue;
    const { resources } = (await read(path)) as { resources: { name: string; namespaced: boolean }[] };
    served.push(...resources.map(({ name, namespaced }) => ({ group, name, namespaced })));
  }
  // Discovery does not list it, and every real API server has it.
  if (!served.some(({ name }) => name === "pods/exec")) served.push({ group: "", name: "pods/exec", namespaced: true });
  return served;
}
