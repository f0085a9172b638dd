import type { ClusterConnection } from "../../contract/cluster.ts";
import type { OwnerReference, ResourceType } from "../../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { discoverKind } from "../../kube/api-discovery.ts";
import { parseApiVersion } from "../../kube/resource-path.ts";
import { Backoff, type BackoffRange } from "../../time/backoff.ts";
import { pause } from "../../time/deadline.ts";

export interface OwnerKindsOptions {
  readonly cluster: ClusterConnection;
  readonly onFound: (resource: ResourceType) => void;
  /** A lookup failed for good or took too long, or one of these succeeded later. */
  readonly onChange: () => void;
  /** How long a lookup may keep `isSettled` false. Milliseconds. */
  readonly waitMs: number;
  /** Delay between lookups that fail. Default: 500 to 60,000. */
  readonly retry?: BackoffRange;
}

type OwnerKind = Pick<OwnerReference, "apiVersion" | "kind">;

/**
 * Finds the resources that owner references name, each kind once. A failed lookup is retried until it succeeds; once it took
 * longer than `waitMs` it is a problem, and no caller waits for it any longer.
 */
export class OwnerKinds implements Disposable {
  readonly #options: OwnerKindsOptions;
  readonly #stop = new AbortController();
  readonly #met = new Set<string>();
  /** Lookups that `isSettled` waits for. */
  readonly #pending = new Set<string>();
  readonly #problems = new Map<string, KinsyncError>();

  constructor(options: OwnerKindsOptions) {
    this.#options = options;
  }

  /** Every kind is found, known to be missing, or overdue. */
  get isSettled(): boolean {
    return this.#pending.size === 0;
  }

  /** Of the lookups that are settled. */
  *problems(): Generator<KinsyncError, void, undefined> {
    for (const [key, problem] of this.#problems) if (!this.#pending.has(key)) yield problem;
  }

  meet(reference: OwnerKind): void {
    const { group } = parseApiVersion(reference.apiVersion);
    const key = `${group}/${reference.kind}`;
    if (this.#met.has(key)) return;
    this.#met.add(key);
    void this.#find(key, reference);
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error("the workload is no longer watched"));
  }

  /** Never rejects. */
  async #find(key: string, owner: OwnerKind): Promise<void> {
    const { waitMs, retry, onFound, onChange } = this.#options;
    const { signal } = this.#stop;
    const backoff = new Backoff(retry ?? { min: 500, max: 60_000 });
    this.#pending.add(key);
    this.#problems.set(key, problemOf(owner, undefined));
    const settle = (): void => {
      if (this.#pending.delete(key)) onChange();
    };
    const timer = setTimeout(settle, waitMs);
    const stop = (): void => clearTimeout(timer);
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted) {
      const found = await this.#lookUp(owner);
      if (signal.aborted) return;
      if (!isKinsyncError(found)) {
        this.#problems.delete(key);
        // Watched first, settled second: otherwise `isSettled` would be true for a moment.
        onFound(found);
        this.#pending.delete(key);
        onChange();
        stop();
        signal.removeEventListener("abort", stop);
        return;
      }
      this.#problems.set(key, found);
      if (isFinal(found)) settle();
      else if (!this.#pending.has(key)) onChange();
      await pause(backoff.next(), signal);
    }
  }

  async #lookUp(owner: OwnerKind): Promise<ResourceType | KinsyncError> {
    const { apiVersion, kind } = owner;
    try {
      const resource = await discoverKind(this.#options.cluster, apiVersion, kind, this.#stop.signal);
      if (resource !== undefined) return resource;
      const message = `the cluster serves no ${kind} (${apiVersion}), which owner references name; ${consequence(owner)}`;
      return new KinsyncError("KINSYNC_RESOLVE_KIND", message, { retry: "retry" });
    } catch (error) {
      return problemOf(owner, error);
    }
  }
}

/** @param cause `undefined`: no answer yet */
function problemOf(owner: OwnerKind, cause: unknown): KinsyncError {
  const { apiVersion, kind } = owner;
  const error = isKinsyncError(cause)
    ? cause
    : new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", `Cannot discover ${kind} (${apiVersion}): no answer in time`);
  return new KinsyncError(error.code, `${error.message}; ${consequence(owner)}`, {
    hint: error.code === "KINSYNC_CLUSTER_FORBIDDEN" ? error.hint : "Nothing to do: kinsync keeps trying.",
    retry: "retry",
    details: error.details,
    cause,
  });
}

function consequence({ kind }: OwnerKind): string {
  return `pods that ${kind} objects own are left out until it can be discovered`;
}

/** The next lookup probably fails, too, so no caller waits for it. */
function isFinal({ code }: KinsyncError): boolean {
  return code === "KINSYNC_RESOLVE_KIND" || code === "KINSYNC_CLUSTER_FORBIDDEN";
}
