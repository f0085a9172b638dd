import { isKinsyncError } from "@kinsync/core/contract";
import type { ClusterConnection } from "@kinsync/core/contract";
import type { Project } from "@kinsync/core/project";
import { duration } from "../../render/units.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** Milliseconds that two clocks may differ before tokens, certificates and build tools notice. */
const CLOCK_MS = 5_000;

/** The server's version, and how far its clock is from this machine's. */
export async function checkServer(cluster: ClusterConnection, signal: AbortSignal): Promise<readonly Finding[]> {
  const began = Date.now();
  const response = await cluster.request({ path: "/version", signal });
  const took = Date.now() - began;
  const { gitVersion } = (await response.json()) as { readonly gitVersion?: unknown };
  const where = `context ${cluster.context}, ${cluster.server}`;
  const found: Finding[] = [
    response.status === 200
      ? ok("server", `${where}, Kubernetes ${String(gitVersion)}, ${duration(took)}`)
      : warn("server", `${where} answers /version with ${response.status}`, "Check `kubectl version`."),
  ];
  const date = Date.parse(response.headers["date"] ?? "");
  if (Number.isNaN(date)) return found;
  // The header has no milliseconds, and was written somewhere between the request and its answer.
  const difference = Math.max(0, Math.abs(date + 500 - (began + took / 2)) - took / 2 - 500);
  return [
    ...found,
    difference > CLOCK_MS
      ? warn(
          "clock",
          `this machine's clock differs by ${duration(difference)} from the API server's`,
          "Synchronize the clock (NTP): tokens and certificates depend on it.",
        )
      : ok("clock", "agrees with the API server's"),
  ];
}

/**
 * Whether the user has each permission that a run needs. Asks with `SelfSubjectAccessReview`, as `kubectl auth can-i` does: a POST that
 * stores nothing.
 */
export async function checkRights(project: Project, signal: AbortSignal): Promise<readonly Finding[]> {
  const questions = project.permissions.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((name) => rule.verbs.map((verb) => ({ rule, group, name, verb }))),
    ),
  );
  const answers = await Promise.all(
    questions.map(async ({ rule, group, name, verb }) => {
      const [resource = name, subresource] = name.split("/");
      const isAllowed = await project.cluster.canI(
        {
          verb,
          group,
          resource,
          ...(subresource === undefined ? {} : { subresource }),
          ...(rule.namespace === undefined ? {} : { namespace: rule.namespace }),
        },
        signal,
      );
      return { rule, verb, name: group === "" ? name : `${name}.${group}`, isAllowed };
    }),
  );
  const unknown = answers.filter(({ isAllowed }) => isAllowed === undefined);
  const denied = answers.filter(({ isAllowed }) => isAllowed === false);
  const groups = Map.groupBy(denied, ({ name, rule }) => `${name} in ${rule.namespace ?? "the cluster"}`);
  const found = [...groups].map(([what, rules]) => {
    const verbs = rules.map(({ verb }) => verb).join(", ");
    const hint = "`kinsync rbac` prints the Role to request.";
    // Without `watch`, kinsync lists every few seconds. An exec is authorized as `get` before Kubernetes 1.35.
    const isSoft = rules.every(
      ({ verb, rule, name }) => rule.isOptional || verb === "watch" || (name === "pods/exec" && verb === "create"),
    );
    return isSoft
      ? warn("rights", `${verbs} on ${what} is not allowed; kinsync works with less`, hint)
      : fail("rights", `${verbs} on ${what} is not allowed`, hint);
  });
  if (found.length > 0) return found;
  if (unknown.length > 0) {
    return [warn("rights", "the server does not say what is allowed", "Check with `kubectl auth can-i`.")];
  }
  return [ok("rights", `all ${answers.length} permissions that a sync needs`)];
}

/** A failure of a step, with its own next step. */
export function findingOf(area: string, error: unknown): Finding {
  if (isKinsyncError(error)) return fail(area, `${error.code}: ${error.message}`, error.hint);
  return fail(area, error instanceof Error ? error.message : String(error), "Run again with --debug.");
}
