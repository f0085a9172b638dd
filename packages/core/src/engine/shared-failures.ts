import type { ErrorCode } from "../errors/codes.ts";
import { KinsyncError } from "../errors/error.ts";
import type { Obstacle } from "./outcome.ts";

/** Failures that are not of one target: all targets of a workload have the same. */
const SHARED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "KINSYNC_CLUSTER_CREDENTIALS",
  "KINSYNC_CLUSTER_FORBIDDEN",
  "KINSYNC_CLUSTER_WEBSOCKET",
]);

/**
 * What keeps kinsync from the targets of one workload although they are well: a login, a right, a proxy. It is reported once for all of
 * them, and again after a target could be reached in between.
 */
export class SharedFailures {
  readonly #onFailure: (error: KinsyncError) => void;
  readonly #told = new Set<ErrorCode>();
  /** Targets that the user has no right to reach, and the last refusal. */
  readonly #refused = new Map<object, KinsyncError>();

  constructor(onFailure: (error: KinsyncError) => void) {
    this.#onFailure = onFailure;
  }

  failed(target: object, error: KinsyncError): void {
    const isForbidden = error.code === "KINSYNC_CLUSTER_FORBIDDEN";
    const shared = isForbidden ? forAllTargets(error) : error;
    if (isForbidden) this.#refused.set(target, shared);
    else this.#refused.delete(target);
    if (!SHARED.has(error.code) || this.#told.has(error.code)) return;
    this.#told.add(error.code);
    this.#onFailure(shared);
  }

  /** The target was reached. */
  reached(target: object): void {
    this.#refused.delete(target);
    this.#told.clear();
  }

  /** The target is no longer served. */
  forget(target: object): void {
    this.#refused.delete(target);
  }

  /** The missing right, where no running target can be reached without it. Waiting does not help. @param running running targets */
  obstacle(running: number): Obstacle | undefined {
    const [error] = this.#refused.values();
    if (error === undefined || this.#refused.size < running) return undefined;
    return { code: error.code, error: () => error, isFinal: true };
  }
}

/** The refusal without the name of the pod that happened to be the first. */
function forAllTargets(error: KinsyncError): KinsyncError {
  const { rule } = error.details as {
    readonly rule?: { readonly resources?: readonly string[]; readonly namespace?: string };
  };
  const { resources, namespace } = rule ?? {};
  if (resources === undefined || namespace === undefined) return error;
  const message = `Cannot exec into pods in namespace ${namespace}: the user has no right to ${resources.join(", ")}`;
  const { code, hint, details } = error;
  return new KinsyncError(code, message, { hint, details, cause: error });
}
