import { posix } from "node:path";
import type { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Deletes } from "../sync/target/deletes.ts";
import { pause } from "../time/deadline.ts";
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

/** Milliseconds in which targets that halt by the same list of paths come into one question. */
const GATHER_MS = 300;

/** A mapped root of a target that halted. */
export interface HaltedRoot {
  /** Identity of the target. */
  readonly key: string;
  readonly pod: string;
  readonly container: string;
  readonly mapping: ResolvedMapping;
  readonly deletes: Deletes;
  readonly error: KinsyncError;
}

/**
 * What one workload may delete that kinsync did not create. Asks once for each list of paths, with all targets that hold it then: a
 * target that holds other files is asked for, too. The answer also counts for targets with the same list that appear later.
 */
export class DeleteConsent {
  readonly #options: DeleteConsentOptions;
  /** Allowed paths by container path. */
  readonly #allowed = new Map<string, Set<string>>();
  /** Lists that are being asked for, or that were refused. */
  readonly #asked = new Set<string>();
  /** What halts a mapping in a target now, by target and mapping. */
  readonly #halted = new Map<string, HaltedRoot>();
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
  halted(root: HaltedRoot): void {
    const { key, mapping } = root;
    this.#halted.set(`${key}\n${mapping.id}`, root);
    const { ask } = this.#options;
    const list = listOf(root);
    if (ask === undefined || this.#asked.has(list)) return;
    this.#asked.add(list);
    void this.#ask(root, ask);
  }

  /** Allows what halts this mapping now; without an id what halts any. */
  allow(id?: string): void {
    for (const [key, { mapping, deletes }] of this.#halted) {
      if (id !== undefined && id !== mapping.id) continue;
      this.#halted.delete(key);
      this.#allow(mapping.to, deletes.paths);
    }
    this.#options.onAllowed();
  }

  async #ask(root: HaltedRoot, ask: NonNullable<DeleteConsentOptions["ask"]>): Promise<void> {
    const { signal, onChange, onAllowed } = this.#options;
    this.#pending += 1;
    onChange();
    // A question that fails is one that was not answered with yes.
    const isAllowed = await pause(GATHER_MS, signal)
      .then(() => ask(this.#request(root), signal))
      .catch(() => false);
    this.#pending -= 1;
    if (isAllowed) {
      this.#allow(root.mapping.to, root.deletes.paths);
      onAllowed();
    }
    onChange();
  }

  #request(root: HaltedRoot): DeletesRequest {
    const { workload, namespace } = this.#options;
    const { mapping, deletes, error } = root;
    const { id, to } = mapping;
    const { paths, origin } = deletes;
    const list = listOf(root);
    const targets = [...this.#halted.values()]
      .filter((each) => listOf(each) === list)
      .map(({ pod, container, deletes: { paths, bytes } }) => ({ pod, container, count: paths.length, bytes }));
    return {
      workload,
      namespace,
      mapping: id,
      to,
      paths: paths.map((path) => posix.join(to, path)),
      relativePaths: paths,
      targets,
      bytes: targets.reduce((sum, { bytes }) => sum + bytes, 0),
      reason: error.message,
      ...(origin === undefined ? {} : { origin }),
    };
  }

  #allow(to: string, paths: Iterable<string>): void {
    const allowed = this.#allowed.get(to) ?? new Set();
    this.#allowed.set(to, allowed);
    for (const path of paths) allowed.add(path);
  }
}

function listOf({ mapping, deletes }: HaltedRoot): string {
  return `${mapping.id}\n${deletes.paths.join("\n")}`;
}
