import { isDeepStrictEqual } from "node:util";

import type { StatusCause } from "../status-error.ts";
import type { StoredObject } from "../world.ts";
import { immutableDataProblems } from "./data-validation.ts";
import type { ResourceType } from "./resources.ts";

type Fields = Record<string, unknown>;

function without(fields: Fields | undefined, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([name]) => !names.includes(name)));
}

function withoutImages(list: unknown): unknown {
  return Array.isArray(list) ? list.map((container: Fields) => without(container, ["image"])) : list;
}

/** A pod's spec without the mutable parts, and without the node that the scheduler sets once. */
function fixedPodSpec(spec: Fields | undefined, scheduled: boolean): Fields {
  const rest = without(spec, [
    "activeDeadlineSeconds",
    "tolerations",
    "terminationGracePeriodSeconds",
    "schedulingGates",
    ...(scheduled ? [] : ["nodeName", "nodeSelector", "affinity"]),
  ]);
  return {
    ...rest,
    containers: withoutImages(spec?.["containers"]),
    initContainers: withoutImages(spec?.["initContainers"]),
  };
}

function forbiddenChange(field: string, why: string): StatusCause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field };
}

function fixedFields(current: StoredObject, next: StoredObject, fields: readonly string[]): StatusCause[] {
  return fields
    .filter((field) => !isDeepStrictEqual(current.spec?.[field], next.spec?.[field]))
    .map((field) => ({
      reason: "FieldValueInvalid",
      message: "Invalid value: field is immutable",
      field: `spec.${field}`,
    }));
}

const STATEFUL_SET_MUTABLE = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

/** The immutable fields that an update changes, with the messages of the real API server. */
export function immutabilityProblems(resource: ResourceType, current: StoredObject, next: StoredObject): StatusCause[] {
  const causes: StatusCause[] = [];
  if (current.metadata.deletionTimestamp !== undefined) {
    const before = current.metadata.finalizers ?? [];
    if ((next.metadata.finalizers ?? []).some((finalizer) => !before.includes(finalizer))) {
      causes.push(
        forbiddenChange("metadata.finalizers", "no new finalizers can be added if the object is being deleted"),
      );
    }
  }
  const suspended = current.spec?.["suspend"] === true || next.spec?.["suspend"] === true;
  switch (resource.name) {
    case "pods": {
      const scheduled = typeof current.spec?.["nodeName"] === "string";
      if (!isDeepStrictEqual(fixedPodSpec(current.spec, scheduled), fixedPodSpec(next.spec, scheduled))) {
        causes.push(
          forbiddenChange(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
          ),
        );
      }
      break;
    }
    case "configmaps":
    case "secrets":
      causes.push(...immutableDataProblems(current, next));
      break;
    case "jobs.batch":
      causes.push(...fixedFields(current, next, ["selector", "completionMode", ...(suspended ? [] : ["template"])]));
      break;
    case "deployments.apps":
    case "replicasets.apps":
    case "daemonsets.apps":
      causes.push(...fixedFields(current, next, ["selector"]));
      break;
    case "statefulsets.apps":
      if (!isDeepStrictEqual(without(current.spec, STATEFUL_SET_MUTABLE), without(next.spec, STATEFUL_SET_MUTABLE))) {
        causes.push(
          forbiddenChange(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
          ),
        );
      }
      break;
    case "jobsets.jobset.x-k8s.io":
      causes.push(...fixedFields(current, next, suspended ? [] : ["replicatedJobs"]));
      break;
    default:
  }
  return causes;
}
