import { isKinsyncError } from "@kinsync/core/contract";
import type { ClusterConnection } from "@kinsync/core/contract";
import type { NeededPermission, Project } from "@kinsync/core/project";
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

/** A permission that something needs, and whether the user has it; `undefined` where the server does not say. */
interface Answer {
  readonly rule: NeededPermission;
  readonly verb: string;
  /** `pods/exec`, `jobs.batch`. */
  readonly name: string;
  readonly isAllowed: boolean | undefined;
}

const HINT = "`kinsync rbac` prints the Role to request.";

/**
 * Whether the user has each permission that a run needs, and those for ports and logs. Asks with `SelfSubjectAccessReview`, as `kubectl
 * auth can-i` does: a POST that stores nothing.
 */
export async function checkRights(project: Project, signal: AbortSignal): Promise<readonly Finding[]> {
  const answers = await askAll(project, project.permissions, signal);
  const unknown = answers.filter(({ isAllowed }) => isAllowed === undefined);
  const found = deniedOf(answers).map(([what, rules]) => {
    // Without `watch`, kinsync lists every few seconds. An exec is authorized as `get` before Kubernetes 1.35.
    const isSoft = rules.every(
      ({ verb, rule, name }) => rule.isOptional || verb === "watch" || (name === "pods/exec" && verb === "create"),
    );
    const denied = `${verbsOf(rules)} on ${what} is not allowed`;
    return isSoft ? warn("rights", `${denied}; kinsync works with less`, HINT) : fail("rights", denied, HINT);
  });
  const streams = await checkStreams(project, signal);
  if (found.length > 0) return [...found, ...streams];
  if (unknown.length > 0) {
    return [warn("rights", "the server does not say what is allowed", "Check with `kubectl auth can-i`."), ...streams];
  }
  return [ok("rights", `all ${answers.length} permissions that a sync needs`), ...streams];
}

/** What a sync does not need. A missing right is a warning where the config uses it. */
async function checkStreams(project: Project, signal: AbortSignal): Promise<readonly Finding[]> {
  const { permissionsForStreams } = await import("@kinsync/core/project");
  const needed = permissionsForStreams(project.workloads, { logs: true, forward: true });
  const configured = permissionsForStreams(project.workloads, {});
  return deniedOf(await askAll(project, needed, signal)).flatMap(([what, rules]): readonly Finding[] => {
    const [first] = rules;
    // A WebSocket is authorized as `get` before Kubernetes 1.35.
    if (first === undefined || rules.every(({ verb }) => verb === "create")) return [];
    const { use = "", namespace, resources } = first.rule;
    const denied = `${verbsOf(rules)} on ${what} is not allowed: it is for ${use}, and a sync does not need it`;
    const isUsed = configured.some((each) => each.namespace === namespace && each.resources[0] === resources[0]);
    return [isUsed ? warn("rights", denied, HINT) : ok("rights", denied)];
  });
}

async function askAll(
  { cluster }: Project,
  rules: readonly NeededPermission[],
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const questions = rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((name) => rule.verbs.map((verb) => ({ rule, group, name, verb }))),
    ),
  );
  return await Promise.all(
    questions.map(async ({ rule, group, name, verb }) => {
      const [resource = name, subresource] = name.split("/");
      const isAllowed = await cluster.canI(
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
}

/** Rules that are not allowed, by what they are for: `pods/exec in ml`. */
function deniedOf(answers: readonly Answer[]): readonly (readonly [what: string, rules: readonly Answer[]])[] {
  const denied = answers.filter(({ isAllowed }) => isAllowed === false);
  return [...Map.groupBy(denied, ({ name, rule }) => `${name} in ${rule.namespace ?? "the cluster"}`)];
}

function verbsOf(rules: readonly Answer[]): string {
  return rules.map(({ verb }) => verb).join(", ");
}

/** A failure of a step, with its own next step. */
export function findingOf(area: string, error: unknown): Finding {
  if (isKinsyncError(error)) return fail(area, `${error.code}: ${error.message}`, error.hint);
  return fail(area, error instanceof Error ? error.message : String(error), "Run again with --debug.");
}
