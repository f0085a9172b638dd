import type { FaultPlan } from "./fault-plan.ts";
import { badRequest } from "../status-error.ts";

/** The user that the playground's token belongs to. */
export const USER = "kinsync-playground";
const GROUPS = ["system:masters", "system:authenticated"] as const;

interface AccessReview {
  readonly spec?: {
    readonly resourceAttributes?: {
      readonly verb?: string;
      readonly group?: string;
      readonly resource?: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    };
    readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string };
  };
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}

/** `SelfSubjectAccessReview`: everything is allowed unless a fault denies it. */
export function reviewAccess(faults: FaultPlan, body: unknown): unknown {
  const { spec } = (body ?? {}) as AccessReview;
  if (spec?.resourceAttributes === undefined && spec?.nonResourceAttributes === undefined) {
    throw badRequest(
      "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
  }
  const attributes = spec.resourceAttributes;
  const group = filled(attributes?.group);
  const plural = attributes?.resource ?? "";
  const denied =
    attributes !== undefined &&
    faults.isDenied({
      verb: attributes.verb ?? "",
      resource: group === undefined ? plural : `${plural}.${group}`,
      subresource: filled(attributes.subresource),
      namespace: filled(attributes.namespace),
      name: filled(attributes.name),
    });
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: { creationTimestamp: null },
    spec,
    status: denied
      ? { allowed: false, reason: "denied on demand" }
      : { allowed: true, reason: "the playground's user" },
  };
}

/** `SelfSubjectReview`: who the caller is. */
export function reviewSelf(): unknown {
  return {
    kind: "SelfSubjectReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { creationTimestamp: null },
    status: { userInfo: { username: USER, groups: GROUPS } },
  };
}
