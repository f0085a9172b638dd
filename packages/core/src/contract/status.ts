import type { ClusterResponse } from "./cluster.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { KinsyncError, type KinsyncErrorOptions, type Retry } from "../errors/error.ts";

/** The parts of an answer besides its body. */
export interface StatusOptions {
  /** HTTP status. Default: `code` of the Status object. */
  readonly status?: number;
  /** Names in lower case. `retry-after` is read. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Code for a 404. Default: by the missing object: a pod, a namespace, a kind, else a workload. */
  readonly notFound?: ErrorCode;
}

/** `details` of the errors that `errorOfStatus` makes. */
export interface StatusDetails {
  /** HTTP status; `0` where none is known. */
  readonly status: number;
  /** Kubernetes' name for it, such as `Forbidden`, `NotFound`, `Expired`. */
  readonly reason?: string;
  /** Resource (plural) and name of the object that the answer is about. */
  readonly resource?: string;
  /** Of the object. */
  readonly name?: string;
  /** Milliseconds to wait, as the server requested. */
  readonly retryAfter?: number;
  /** For 403: the rule that would grant it. */
  readonly rule?: PolicyRule;
}

/** One rule of a Role or ClusterRole. */
export interface PolicyRule {
  /** Names of API groups; `""` is the core group. */
  readonly apiGroups: readonly string[];
  /** Plurals, with a subresource as in `pods/exec`. */
  readonly resources: readonly string[];
  /** `get`, `list`, `watch`, … */
  readonly verbs: readonly string[];
  /** `undefined`: at the cluster scope. */
  readonly namespace?: string;
}

/**
 * Turns a refusal of the API server into an error for people. The body may be a `Status` object (also that of a
 * watch's ERROR event), text, or nothing.
 * @param what the operation in plain words, without a full stop: `list pods in namespace ml`
 */
export function errorOfStatus(body: unknown, what: string, options: StatusOptions = {}): KinsyncError {
  const answer = readStatus(body);
  const status = options.status ?? answer.code ?? 0;
  const retryAfter = retryAfterOf(options.headers, answer.retryAfterSeconds);
  const details: StatusDetails = {
    status,
    ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    ...(answer.resource === undefined ? {} : { resource: answer.resource }),
    ...(answer.name === undefined ? {} : { name: answer.name }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
  const said = answer.message ?? answer.reason ?? `the API server answered ${status}`;
  const fail = (code: ErrorCode, more: { message?: string; hint?: string; retry?: Retry; rule?: PolicyRule } = {}) => {
    const extra: KinsyncErrorOptions = {
      details: { ...details, ...(more.rule === undefined ? {} : { rule: more.rule }) },
      ...(more.hint === undefined ? {} : { hint: more.hint }),
      ...(more.retry === undefined ? {} : { retry: more.retry }),
    };
    return new KinsyncError(code, `Cannot ${what}: ${more.message ?? said}`, extra);
  };

  if (status === 401)
    return fail("KINSYNC_CLUSTER_CREDENTIALS", { message: "the API server refused the credentials (401)" });
  if (status === 403) {
    const rule = ruleOf(said);
    if (rule === undefined)
      return fail("KINSYNC_CLUSTER_FORBIDDEN", answer.isStatus ? {} : { message: answer.message ?? "forbidden (403)" });
    return fail("KINSYNC_CLUSTER_FORBIDDEN", { hint: hintOf(rule), rule });
  }
  if (status === 404 || answer.reason === "NotFound") {
    return fail(options.notFound ?? codeOfAbsence(answer), { message: answer.isStatus ? said : "not found (404)" });
  }
  // 410: the resource version or the `continue` token is too old. The reflector lists again.
  if (status === 410)
    return fail("KINSYNC_CLUSTER_ANSWER", { retry: "retry", hint: "Nothing to do: it is listed again." });
  if (status === 429 || status >= 500) return fail("KINSYNC_CLUSTER_BUSY", { retry: "retry" });
  if (status >= 300 && status < 400) {
    const place = hostOf(options.headers?.["location"]);
    return fail("KINSYNC_CLUSTER_ANSWER", {
      message: `the server answered ${status} and pointed to ${place ?? "another place"}, as an API server does not`,
      retry: "terminal",
    });
  }
  if (!answer.isStatus) {
    return fail("KINSYNC_CLUSTER_ANSWER", {
      message: `the server answered ${status} with something that is not a Kubernetes Status`,
    });
  }
  // The request itself was wrong: a repetition fails again, except for a conflict and a time-out.
  const again = status === 0 || status === 408 || status === 409;
  return fail("KINSYNC_CLUSTER_ANSWER", { retry: again ? "retry" : "terminal", hint: "See the server's words above." });
}

/** The same for a response whose body has not been read yet: reads the body, of any type. */
export async function errorOfResponse(
  response: ClusterResponse,
  what: string,
  options: Pick<StatusOptions, "notFound"> = {},
): Promise<KinsyncError> {
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    // Not JSON, or the connection ended: only the HTTP status is known.
  }
  return errorOfStatus(body, what, { ...options, status: response.status, headers: response.headers });
}

interface Answer {
  readonly isStatus: boolean;
  readonly code: number | undefined;
  readonly message: string | undefined;
  readonly reason: string | undefined;
  readonly resource: string | undefined;
  readonly name: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

function readStatus(body: unknown): Answer {
  const isStatus = isRecord(body) && body["kind"] === "Status";
  const record = isStatus ? body : {};
  const details = isRecord(record["details"]) ? record["details"] : {};
  return {
    isStatus,
    code: numberOf(record["code"]),
    message: isStatus ? textOf(record["message"]) : undefined,
    reason: textOf(record["reason"]),
    resource: textOf(details["kind"]),
    name: textOf(details["name"]),
    retryAfterSeconds: numberOf(details["retryAfterSeconds"]),
  };
}

function codeOfAbsence(answer: Answer): ErrorCode {
  if (answer.resource === "pods") return "KINSYNC_TARGET_GONE";
  if (answer.resource === "namespaces") return "KINSYNC_RESOLVE_NAMESPACE";
  // A resource that the server does not serve is a 404 too, without a name.
  if (!answer.isStatus || answer.name === undefined) return "KINSYNC_RESOLVE_KIND";
  return "KINSYNC_RESOLVE_WORKLOAD";
}

/** The message of the API server's RBAC authorizer and of SubjectAccessReview webhooks: apiserver, `responsewriters.Forbidden`. */
const REFUSAL =
  /cannot (?<verb>[\w*]+) resource "(?<resource>[^"]+)" in API group "(?<group>[^"]*)"(?: in the namespace "(?<namespace>[^"]+)")?/;

function ruleOf(message: string): PolicyRule | undefined {
  const found = REFUSAL.exec(message)?.groups;
  const { verb, resource, group, namespace } = found ?? {};
  if (verb === undefined || resource === undefined || group === undefined) return undefined;
  // A WebSocket is checked as get, and from 1.35 on as create too.
  const verbs = resource === "pods/exec" || resource === "pods/portforward" ? ["get", "create"] : [verb];
  return { apiGroups: [group], resources: [resource], verbs, ...(namespace === undefined ? {} : { namespace }) };
}

function hintOf(rule: PolicyRule): string {
  const list = (items: readonly string[]) => `[${items.map((item) => JSON.stringify(item)).join(", ")}]`;
  const holder = rule.namespace === undefined ? "a ClusterRole" : `a Role in namespace ${rule.namespace}`;
  const flow = `{ apiGroups: ${list(rule.apiGroups)}, resources: ${list(rule.resources)}, verbs: ${list(rule.verbs)} }`;
  return `Ask for ${holder} with the rule ${flow}`;
}

/** Milliseconds. The header counts seconds; its date form is not used by API servers. */
function retryAfterOf(headers: StatusOptions["headers"], seconds: number | undefined): number | undefined {
  const header = headers?.["retry-after"];
  const fromHeader = header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header.trim()) : undefined;
  const value = fromHeader ?? seconds;
  return value === undefined || value < 0 ? undefined : value * 1000;
}

function hostOf(location: string | undefined): string | undefined {
  const host = /^[a-z]+:\/\/(?:[^@/]*@)?([^/?#@]+)/i.exec(location ?? "")?.[1];
  return host === undefined ? undefined : textOf(host);
}

const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069]+/g;
const MAX_TEXT_CHARS = 600;

/** One line without control characters: the server's text is untrusted. */
function textOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.replaceAll(UNSAFE, " ").trim();
  if (text === "") return undefined;
  return text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}…` : text;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
