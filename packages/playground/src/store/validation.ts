import type { StatusCause } from "../status-error.ts";
import type { NewObject } from "../world.ts";
import { DEFINITIONS, definitionProblems } from "./definitions.ts";
import type { ResourceType } from "./resources.ts";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Kinds whose name must be a DNS label, because it becomes a host name or a part of one. */
const LABEL_NAMED: ReadonlySet<string> = new Set(["Namespace", "Service", "JobSet"]);

function wrong(field: string, value: string, why: string): StatusCause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value)}: ${why}`, field };
}

function required(field: string, why: string): StatusCause {
  return { reason: "FieldValueRequired", message: `Required value: ${why}`, field };
}

function keyProblem(key: string): string | undefined {
  const slash = key.indexOf("/");
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN.test(prefix))) {
    return "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
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
  if (LABEL_NAMED.has(resource.kind)) {
    return name.length <= 63 && LABEL.test(name)
      ? undefined
      : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  }
  return name.length <= 253 && SUBDOMAIN.test(name)
    ? undefined
    : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
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

interface Container {
  readonly name?: unknown;
}

function podProblems(field: string, spec: Record<string, unknown> | undefined): StatusCause[] {
  const containers = (spec?.["containers"] ?? []) as readonly Container[];
  if (!Array.isArray(containers) || containers.length === 0) {
    return [required(`${field}.containers`, "")];
  }
  const seen = new Set<string>();
  const causes: StatusCause[] = [];
  const lists = { containers, initContainers: (spec?.["initContainers"] ?? []) as readonly Container[] };
  for (const [list, members] of Object.entries(lists)) {
    for (const [index, container] of members.entries()) {
      const at = `${field}.${list}[${index}].name`;
      const name = container.name;
      if (typeof name !== "string" || name === "") {
        causes.push(required(at, ""));
      } else if (name.length > 63 || !LABEL.test(name)) {
        causes.push(
          wrong(
            at,
            name,
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
          ),
        );
      } else if (seen.has(name)) {
        causes.push({ reason: "FieldValueDuplicate", message: `Duplicate value: ${JSON.stringify(name)}`, field: at });
      } else {
        seen.add(name);
      }
    }
  }
  return causes;
}

function templateProblems(object: NewObject): StatusCause[] {
  const template = (object.spec?.["template"] ?? {}) as {
    metadata?: { labels?: unknown };
    spec?: Record<string, unknown>;
  };
  const causes = [
    ...labelProblems("spec.template.labels", template.metadata?.labels),
    ...podProblems("spec.template.spec", template.spec),
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
  } else if (resource.name === DEFINITIONS) {
    causes.push(...definitionProblems(object));
  }
  return causes;
}
