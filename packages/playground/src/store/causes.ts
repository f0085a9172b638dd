// Causes of a 422 in the API server's words, and the rules of names.

import type { StatusCause } from "../status-error.ts";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function wrong(field: string, value: string, why: string): StatusCause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value)}: ${why}`, field };
}

export function required(field: string, why: string): StatusCause {
  return { reason: "FieldValueRequired", message: `Required value: ${why}`, field };
}

export function duplicate(field: string, value: string): StatusCause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${JSON.stringify(value)}`, field };
}

/** Why a text is not a DNS label; `undefined` if it is one. */
export function labelProblem(name: string): string | undefined {
  return name.length <= 63 && LABEL.test(name)
    ? undefined
    : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
}

/** Why a text is not a DNS subdomain; `undefined` if it is one. */
export function subdomainProblem(name: string): string | undefined {
  return name.length <= 253 && SUBDOMAIN.test(name)
    ? undefined
    : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
}
