import type { ClusterConnection } from "../../contract/cluster.ts";
import type { OwnerReference, ResourceType } from "../../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { discoverKind } from "../../kube/api-discovery.ts";
import { pause } from "../../time/deadline.ts";
import { parseApiVersion } from "../../kube/resource-path.ts";

export interface OwnerKindsOptions {
  readonly cluster: ClusterConnection;
  readonly onFound: (resource: ResourceType) => void;
  /** A look-up failed, or a failed one came through. */
  readonly onChange: () => void;
  /** First and longest delay between look-ups that fail. Default: 1,000 and 60,000. */
  readonly retry?: readonly [number, number];
}

/**
 * Finds the resources behind the owner references that turn up, each kind once. A look-up that failed is no answer: it is asked
 * again until there is one, and named meanwhile.
 */
export class OwnerKinds implements Disposable {
  readonly #options: OwnerKindsOptions;
  readonly #stop = new AbortController();
  readonly #met = new Set<string>();
  readonly #problems = new Map<string, KinsyncError>();
  #firstTries = 0;

  constructor(options: OwnerKindsOptions) {
    this.#options = options;
  }

  /** Every kind that was met was looked up at least once. */
  get isSettled(): boolean {
    return this.#firstTries === 0;
  }

  get problems(): Iterable<KinsyncError> {
    return this.#problems.values();
  }

  meet(reference: Pick<OwnerReference, "apiVersion" | "kind">): void {
    const { group } = parseApiVersion(reference.apiVersion);
    const key = `${group}/${reference.kind}`;
    if (this.#met.has(key)) return;
    this.#met.add(key);
    void this.#find(key, reference.apiVersion, reference.kind);
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error("the workload is no longer watched"));
  }

  /** Never rejects. */
  async #find(key: string, apiVersion: string, kind: string): Promise<void> {
    const { signal } = this.#stop;
    const [first, longest] = this.#options.retry ?? [1_000, 60_000];
    this.#firstTries += 1;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      let resource: ResourceType | undefined;
      let problem: KinsyncError | undefined;
      try {
        resource = await discoverKind(this.#options.cluster, apiVersion, kind, signal);
        if (resource === undefined) {
          problem = new KinsyncError(
            "KINSYNC_RESOLVE_KIND",
            `the cluster serves no ${kind} (${apiVersion}), which owner references name; what it owns cannot be followed`,
            { retry: "retry" },
          );
        }
      } catch (error) {
        problem = isKinsyncError(error)
          ? error
          : new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", `Cannot discover ${kind} (${apiVersion})`, {
              cause: error,
            });
      }
      if (signal.aborted) return;
      if (resource !== undefined) {
        this.#problems.delete(key);
        // Found first, settled second: who looks in between must not think that all is known.
        this.#options.onFound(resource);
        if (attempt === 0) this.#firstTries -= 1;
        this.#options.onChange();
        return;
      }
      if (problem !== undefined) this.#problems.set(key, problem);
      if (attempt === 0) this.#firstTries -= 1;
      this.#options.onChange();
      await pause(Math.min(longest, first * 2 ** Math.min(attempt, 16)), signal);
    }
  }
}
