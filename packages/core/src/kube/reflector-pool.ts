import type { ClusterConnection } from "../contract/cluster.ts";
import { KinsyncError } from "../errors/error.ts";
import { DEFAULT_TIMING, type ReflectorSpec, type ReflectorTiming } from "./reflector-spec.ts";
import { Reflector } from "./reflector.ts";
import { resourceName } from "./resource-path.ts";

/** Keeps a shared reflector running. The reflector ends with its last lease. */
export interface ReflectorLease extends Disposable {
  /** Equal for equal specs. */
  readonly key: string;
  readonly reflector: Reflector;
}

export interface ReflectorPoolOptions {
  readonly cluster: ClusterConnection;
  readonly timing?: Partial<ReflectorTiming>;
}

/** One reflector per (resource, namespace, name, selector, projection), however many workloads need it. */
export class ReflectorPool implements AsyncDisposable {
  readonly #cluster: ClusterConnection;
  readonly #timing: ReflectorTiming;
  readonly #shared = new Map<string, { readonly reflector: Reflector; leases: number }>();
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  constructor(options: ReflectorPoolOptions) {
    this.#cluster = options.cluster;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
  }

  /** How many reflectors run. */
  get size(): number {
    return this.#shared.size;
  }

  acquire(spec: ReflectorSpec): ReflectorLease {
    if (this.#closed) throw new KinsyncError("KINSYNC_INTERNAL", "a reflector was requested after the pool was closed");
    const key = reflectorKey(spec);
    let entry = this.#shared.get(key);
    if (entry === undefined) {
      entry = { reflector: new Reflector(this.#cluster, spec, this.#timing), leases: 0 };
      this.#shared.set(key, entry);
    }
    entry.leases += 1;
    const { reflector } = entry;
    let held = true;
    return {
      key,
      reflector,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#release(key);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const [key, { reflector }] of this.#shared) {
      this.#shared.delete(key);
      this.#close(reflector);
    }
    await Promise.all(this.#closing);
  }

  #release(key: string): void {
    const entry = this.#shared.get(key);
    if (entry === undefined) return;
    entry.leases -= 1;
    if (entry.leases > 0) return;
    this.#shared.delete(key);
    this.#close(entry.reflector);
  }

  #close(reflector: Reflector): void {
    const closing = reflector[Symbol.asyncDispose]().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** What makes two specs the same list-and-watch. */
export function reflectorKey(spec: ReflectorSpec): string {
  return JSON.stringify([
    resourceName(spec.resource),
    spec.resource.version,
    spec.resource.namespaced === false ? "" : (spec.namespace ?? ""),
    spec.name ?? "",
    spec.labelSelector ?? "",
    spec.metadataOnly === true,
    spec.project?.key ?? "",
  ]);
}
