import { badRequest } from "../status-error.ts";
import { labelValueProblem } from "../store/validation.ts";
import type { StoredObject } from "../world.ts";
import type { ResourceType } from "../store/resources.ts";

/** Whether an object is selected. */
export type Matcher = (object: StoredObject) => boolean;

const REQUIREMENT =
  /^\s*(?:(?<absent>!)\s*(?<missing>[^\s!=<>,()]+)|(?<key>[^\s!=<>,()]+)(?:\s+(?<set>in|notin)\s*\((?<values>[^)]*)\)|\s*(?<sign>==|=|!=|>|<)\s*(?<value>[^\s,()]*))?)\s*(?:,|$)/;

function bySet(key: string, operator: string, values: readonly string[]): Matcher {
  return operator === "in"
    ? ({ metadata }) => metadata.labels?.[key] !== undefined && values.includes(metadata.labels[key])
    : ({ metadata }) => metadata.labels?.[key] === undefined || !values.includes(metadata.labels[key]);
}

function bySign(key: string, sign: string, value: string): Matcher {
  switch (sign) {
    case "!=":
      return ({ metadata }) => metadata.labels?.[key] !== value;
    case ">":
      return ({ metadata }) => Number.parseInt(metadata.labels?.[key] ?? "", 10) > Number(value);
    case "<":
      return ({ metadata }) => Number.parseInt(metadata.labels?.[key] ?? "", 10) < Number(value);
    default:
      return ({ metadata }) => metadata.labels?.[key] === value;
  }
}

/** A label selector in its text form: `a=b,c!=d,e in (x, y),f notin (z),g,!h`. Throws 400 if it is invalid. */
export function labelMatcher(text: string): Matcher {
  const matchers: Matcher[] = [];
  let rest = text;
  while (rest.trim() !== "") {
    const groups = REQUIREMENT.exec(rest);
    if (groups?.groups === undefined) {
      throw badRequest(`unable to parse requirement: found '${rest.trim()}' in label selector`);
    }
    rest = rest.slice(groups[0].length);
    const { missing, key = "", set, values = "", sign, value = "" } = groups.groups;
    if (missing !== undefined) {
      matchers.push(({ metadata }) => metadata.labels?.[missing] === undefined);
    } else if (set !== undefined) {
      matchers.push(
        bySet(
          key,
          set,
          values.split(",").map((entry) => entry.trim()),
        ),
      );
    } else if (sign === undefined) {
      matchers.push(({ metadata }) => metadata.labels?.[key] !== undefined);
    } else {
      const problem = labelValueProblem(value);
      if (problem !== undefined) {
        throw badRequest(`unable to parse requirement: values[0][${key}]: Invalid value: "${value}": ${problem}`);
      }
      matchers.push(bySign(key, sign, value));
    }
  }
  return (object) => matchers.every((matches) => matches(object));
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  namespaces: ["status.phase"],
  nodes: ["spec.unschedulable"],
  secrets: ["type"],
  "jobs.batch": ["status.successful"],
  "replicasets.apps": ["status.replicas"],
  events: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
};

function fieldOf(object: StoredObject, path: string): string {
  let value: unknown = object;
  for (const part of path.split(".")) {
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** A field selector: `status.phase=Running,spec.nodeName!=a`. Throws 400 for fields that the resource does not support. */
export function fieldMatcher(text: string, resource: ResourceType): Matcher {
  const matchers = text
    .split(",")
    .filter((requirement) => requirement.trim() !== "")
    .map((requirement): Matcher => {
      const parts = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(requirement);
      if (parts === null) {
        throw badRequest(`invalid field selector: "${requirement}"; can't understand it`);
      }
      const [, field = "", sign, value = ""] = parts;
      const known = ["metadata.name", "metadata.namespace", ...(FIELDS[resource.name] ?? [])];
      if (!known.includes(field)) {
        throw badRequest(`field label not supported: ${field}`);
      }
      return (object) => (fieldOf(object, field) === value) !== (sign === "!=");
    });
  return (object) => matchers.every((matches) => matches(object));
}

/** The selectors of a list, watch or deletecollection, and the name if the path has one. */
export function matcherOf(query: URLSearchParams, resource: ResourceType, name?: string): Matcher {
  const labels = labelMatcher(query.get("labelSelector") ?? "");
  const fields = fieldMatcher(query.get("fieldSelector") ?? "", resource);
  return (object) => (name === undefined || object.metadata.name === name) && labels(object) && fields(object);
}
