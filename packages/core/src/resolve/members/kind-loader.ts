import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import { loadedKind, loadKind, type KindEntry } from "../../plugins/host.ts";
import { isOfResource } from "./scope.ts";

/** The kinds of delegated children. A kind is loaded when the first such child appears. */
export class KindLoader {
  readonly #kinds: () => readonly KindEntry[];
  /** One child of each resource that was looked up, by API version and kind. */
  readonly #children = new Map<string, KubeObject>();
  readonly #onChange: () => void;
  readonly #pending = new Set<KindEntry>();
  readonly #failed = new Map<KindEntry, KinsyncError>();
  #hasChanged = false;

  /**
   * @param kinds that are loaded now
   * @param onChange called when a kind was loaded, or cannot be
   */
  constructor(kinds: () => readonly KindEntry[], onChange: () => void) {
    this.#kinds = kinds;
    this.#onChange = onChange;
  }

  /** No kind is being loaded. */
  get isSettled(): boolean {
    return this.#pending.size === 0;
  }

  /** True once after each change. */
  takeChanges(): boolean {
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  find(object: KubeObject): KindEntry | undefined {
    this.#children.set(`${object.apiVersion} ${object.kind}`, object);
    return this.#kinds().find(({ root }) => isOfResource(object, root));
  }

  /** Whether a child of this resource was looked up, with or without success. */
  hasLookedUp(resource: ResourceType): boolean {
    return [...this.#children.values()].some((child) => isOfResource(child, resource));
  }

  /** The kind; `undefined` while it is being loaded, which this call starts. The error where it cannot be loaded. */
  get(entry: KindEntry): KindPlugin | KinsyncError | undefined {
    const kind = loadedKind(entry) ?? this.#failed.get(entry);
    if (kind === undefined && !this.#pending.has(entry)) void this.#load(entry);
    return kind;
  }

  /** Never rejects. */
  async #load(entry: KindEntry): Promise<void> {
    this.#pending.add(entry);
    try {
      await loadKind(entry);
    } catch (error) {
      this.#failed.set(entry, asKinsyncError(error));
    }
    this.#pending.delete(entry);
    this.#hasChanged = true;
    this.#onChange();
  }
}
