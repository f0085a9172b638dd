import { posix } from "node:path";
import type { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Deletes } from "../sync/target/deletes.ts";
import type { AllowedDeletes, DeletesRequest } from "./options.ts";

export interface DeleteConsentOptions {
  readonly workload: string;
  readonly namespace: string;
  /** `ask`: a root that would delete foreign files halts until it is allowed. `allow`: the user allowed all deletes of this run. */
  readonly deletes: "ask" | "allow";
  readonly allowed: readonly AllowedDeletes[];
  /** Asks the user. Default: nobody is asked. */
  readonly ask: ((request: DeletesRequest, signal: AbortSignal) => Promise<boolean>) | undefined;
  /** More is allowed now: what halted may be tried again. */
  readonly onAllowed: () => void;
  /** `pending` differs. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}

/** What one workload may delete that kinsync did not create. Asks once for each list of paths. */
export class DeleteConsent {
  readonly #options: DeleteConsentOptions;
  /** Allowed paths by container path. */
  readonly #allowed = new Map<string, Set<string>>();
  /** Lists that are being asked for, or that were refused. */
  readonly #asked = new Set<string>();
  /** What halts a mapping in a target now, by target and mapping. */
  readonly #halted = new Map<string, { readonly id: string; readonly to: string; readonly paths: readonly string[] }>();
  #pending = 0;

  constructor(options: DeleteConsentOptions) {
    this.#options = options;
    for (const { workload, namespace, to, paths } of options.allowed) {
      if (workload === options.workload && namespace === options.namespace) this.#allow(to, paths);
    }
  }

  /** Questions that wait for an answer: a run does not end meanwhile. */
  get pending(): number {
    return this.#pending;
  }

  mayDelete({ to }: ResolvedMapping, paths: readonly string[]): boolean {
    if (this.#options.deletes === "allow") return true;
    const allowed = this.#allowed.get(to);
    return allowed !== undefined && paths.every((path) => allowed.has(path));
  }

  /** A mapped root of a target halted. Asks, unless this list was asked for before. */
  halted(target: string, { id, to }: ResolvedMapping, deletes: Deletes, error: KinsyncError): void {
    this.#halted.set(`${target}\n${id}`, { id, to, paths: deletes.paths });
    const { ask, workload, namespace } = this.#options;
    const list = `${id}\n${deletes.paths.join("\n")}`;
    if (ask === undefined || this.#asked.has(list)) return;
    this.#asked.add(list);
    const { paths, bytes, origin } = deletes;
    const request: DeletesRequest = {
      workload,
      namespace,
      mapping: id,
      to,
      paths: paths.map((path) => posix.join(to, path)),
      relativePaths: paths,
      bytes,
      reason: error.message,
      ...(origin === undefined ? {} : { origin }),
    };
    void this.#ask(request, ask);
  }

  /** Allows what halts this mapping now; without an id what halts any. */
  allow(id?: string): void {
    for (const [key, halted] of this.#halted) {
      if (id !== undefined && id !== halted.id) continue;
      this.#halted.delete(key);
      this.#allow(halted.to, halted.paths);
    }
    this.#options.onAllowed();
  }

  async #ask(request: DeletesRequest, ask: NonNullable<DeleteConsentOptions["ask"]>): Promise<void> {
    this.#pending += 1;
    this.#options.onChange();
    // A question that fails is one that was not answered with yes.
    const isAllowed = await ask(request, this.#options.signal).catch(() => false);
    this.#pending -= 1;
    if (isAllowed) {
      this.#allow(request.to, request.relativePaths);
      this.#options.onAllowed();
    }
    this.#options.onChange();
  }

  #allow(to: string, paths: Iterable<string>): void {
    const allowed = this.#allowed.get(to) ?? new Set();
    this.#allowed.set(to, allowed);
    for (const path of paths) allowed.add(path);
  }
}
