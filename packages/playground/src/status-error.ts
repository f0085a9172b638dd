/** A cause inside the details of a Status: which field, and what is wrong with it. */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** The details of a Status. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** The `Status` object of API group `v1`, as it goes over the wire. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** Names a resource in messages and details: the group is empty for the core group. */
export interface ResourceNames {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** An error of the Kubernetes API: an HTTP code with a `Status` body. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  /** HTTP status code. */
  readonly code: number;
  /** Machine-readable reason of the API: `NotFound`, `Conflict`, `Invalid`... */
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The body of the response. */
  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `deployments.apps`, or the bare plural in the core group. */
export function qualifiedName(resource: Pick<ResourceNames, "group" | "plural">): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: ResourceNames, name: string): StatusDetails {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

/** 404: the object is missing. */
export function notFound(resource: ResourceNames, name: string): StatusError {
  return new StatusError(404, "NotFound", `${qualifiedName(resource)} "${name}" not found`, detailsOf(resource, name));
}

/** 409: the name is taken. */
export function alreadyExists(resource: ResourceNames, name: string): StatusError {
  return new StatusError(
    409,
    "AlreadyExists",
    `${qualifiedName(resource)} "${name}" already exists`,
    detailsOf(resource, name),
  );
}

/** 409: the stored object is another one, or a newer version. */
export function conflict(resource: ResourceNames, name: string, why: string): StatusError {
  return new StatusError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`,
    detailsOf(resource, name),
  );
}

/** 422: the object breaks a rule; each cause names a field. */
export function invalid(resource: ResourceNames, name: string, causes: readonly StatusCause[]): StatusError {
  const messages = causes.map((cause) =>
    cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`,
  );
  const list = messages.length === 1 ? messages[0] : `[${messages.join(", ")}]`;
  const kind = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
  return new StatusError(422, "Invalid", `${kind} "${name}" is invalid: ${list}`, {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.kind,
    causes,
  });
}

/** 400: the request is invalid. */
export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", message);
}

/** 403: permission denied. */
export function forbidden(resource: ResourceNames, name: string, why: string): StatusError {
  const subject = name === "" ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  return new StatusError(403, "Forbidden", `${subject} is forbidden: ${why}`, detailsOf(resource, name));
}

/** 410: the resource version, or the continue token, is older than the server's history. */
export function expired(message: string): StatusError {
  return new StatusError(410, "Expired", message);
}
