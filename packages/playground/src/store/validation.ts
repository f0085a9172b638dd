import type { StatusCause } from "../status-error.ts";
import type { NewObject } from "../world.ts";
import { labelProblem, required, subdomainProblem, wrong } from "./causes.ts";
import { dataProblems } from "./data-validation.ts";
import { DEFINITIONS, definitionProblems } from "./definitions.ts";
import { podProblems } from "./pod-validation.ts";
import type { ResourceType } from "./resources.ts";

const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Kinds whose name must be a DNS label, because it becomes a host name or a part of one. */
const LABEL_NAMED: ReadonlySet<string> = new Set(["Namespace", "Service", "JobSet"]);

function keyProblem(key: string): string | undefined {
  const slash = key.indexOf("/");
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const why = prefix === undefined ? undefined : subdomainProblem(prefix);
  if (why !== undefined) {
    return `prefix part ${why}`;
  }
  if (name === "") {
    return "name part must be non-empty";
  }
  if (name.length > 63) {
    return "name part must be no more than 63 bytes";
  }
  return QUALIFIED_NAME.test(name)
    ? undefined
    : "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
}

/** What is wrong with a label value; `undefined` if it is valid. */
export function labelValueProblem(value: unknown): string | undefined {
  if (typeof value !== "string") {
    return "must be a string";
  }
  if (value.length > 63) {
    return "must be no more than 63 bytes";
  }
  return LABEL_VALUE.test(value)
    ? undefined
    : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
}

function nameProblem(resource: ResourceType, name: string): string | undefined {
  return LABEL_NAMED.has(resource.kind) ? labelProblem(name) : subdomainProblem(name);
}

function labelProblems(field: string, labels: unknown): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [key, value] of Object.entries((labels ?? {}) as Record<string, unknown>)) {
    const key_ = keyProblem(key);
    if (key_ !== undefined) {
      causes.push(wrong(field, key, key_));
    }
    const value_ = labelValueProblem(value);
    if (value_ !== undefined) {
      causes.push(wrong(field, String(value), value_));
    }
  }
  return causes;
}

/** Names of the volumes that a StatefulSet adds to its pods. */
function claimNames(object: NewObject): readonly string[] {
  const claims = (object.spec?.["volumeClaimTemplates"] ?? []) as readonly { metadata?: { name?: string } }[];
  return claims.flatMap(({ metadata }) => metadata?.name ?? []);
}

function templateProblems(object: NewObject): StatusCause[] {
  const template = (object.spec?.["template"] ?? {}) as {
    metadata?: { labels?: unknown };
    spec?: Record<string, unknown>;
  };
  const causes = [
    ...labelProblems("spec.template.labels", template.metadata?.labels),
    ...podProblems("spec.template.spec", template.spec, claimNames(object)),
  ];
  if (object.kind === "Job") {
    const policy = template.spec?.["restartPolicy"];
    if (policy !== "Never" && policy !== "OnFailure") {
      causes.push({
        reason: "FieldValueNotSupported",
        message: `Unsupported value: ${JSON.stringify(policy ?? "Always")}: supported values: "OnFailure", "Never"`,
        field: "spec.template.spec.restartPolicy",
      });
    }
    return causes;
  }
  const matchLabels = (object.spec?.["selector"] as { matchLabels?: Record<string, string> } | undefined)?.matchLabels;
  const labels = (template.metadata?.labels ?? {}) as Record<string, unknown>;
  if (object.spec?.["selector"] === undefined) {
    causes.push(required("spec.selector", ""));
  } else if (Object.entries(matchLabels ?? {}).some(([key, value]) => labels[key] !== value)) {
    causes.push(
      wrong("spec.template.metadata.labels", JSON.stringify(labels), "`selector` does not match template `labels`"),
    );
  }
  return causes;
}

const WITH_TEMPLATE: ReadonlySet<string> = new Set(["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"]);

/** Every rule that the object breaks; empty if it is valid. Checked are the rules of the real API that users break most. */
export function problems(resource: ResourceType, object: NewObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const name = object.metadata.name ?? "";
  if (name === "") {
    causes.push(required("metadata.name", "name or generateName is required"));
  } else {
    const why = nameProblem(resource, name);
    if (why !== undefined) {
      causes.push(wrong("metadata.name", name, why));
    }
  }
  causes.push(...labelProblems("metadata.labels", object.metadata.labels));
  for (const key of Object.keys(object.metadata.annotations ?? {})) {
    const why = keyProblem(key.toLowerCase());
    if (why !== undefined) {
      causes.push(wrong("metadata.annotations", key, why));
    }
  }
  for (const [index, owner] of (object.metadata.ownerReferences ?? []).entries()) {
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (typeof owner[field] !== "string" || owner[field] === "") {
        causes.push(required(`metadata.ownerReferences[${index}].${field}`, `${field} must not be empty`));
      }
    }
  }
  if (resource.name === "pods") {
    causes.push(...podProblems("spec", object.spec));
  } else if (WITH_TEMPLATE.has(resource.kind) && (resource.group === "apps" || resource.group === "batch")) {
    causes.push(...templateProblems(object));
  } else if (resource.name === "configmaps" || resource.name === "secrets") {
    causes.push(...dataProblems(object));
  } else if (resource.name === DEFINITIONS) {
    causes.push(...definitionProblems(object));
  }
  return causes;
}
