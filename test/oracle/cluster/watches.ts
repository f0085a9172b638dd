import type { KubeObject } from "@kinsync/core/contract";
import type { Store, Version } from "./store.ts";
import type { Fact } from "./facts.ts";
import { controllerUidOf } from "./objects.ts";

/** What is known about a group, by the newest write that was delivered. */
export interface Known extends Fact {
  readonly at: number;
  /** The object that shows it. */
  readonly shownBy: KubeObject;
}

/**
 * What the watches of a client have delivered. Each type is a stream of its own: in order, but not ordered with other streams. A stream may be
 * any time behind, and a client that gets several versions at once sees only the last one of each object.
 */
export class Watches {
  readonly #store: Store;
  readonly #positions = new Map<string, number>();
  readonly #versions = new Map<string, Version>();
  readonly #known = new Map<string, Known>();

  constructor(store: Store) {
    this.#store = store;
  }

  get objects(): KubeObject[] {
    return [...this.#versions.values()].map(({ object }) => object);
  }

  get(uid: string | undefined): KubeObject | undefined {
    return uid === undefined ? undefined : this.#versions.get(uid)?.object;
  }

  /** Streams with versions that were not delivered yet. */
  behind(): string[] {
    return [...this.#store.streams.entries()]
      .filter(([stream, versions]) => (this.#positions.get(stream) ?? 0) < versions.length)
      .map(([stream]) => stream);
  }

  /** Delivers some versions of a stream as one burst. Default: all of them, as a watch that starts again does. */
  deliver(stream: string, count = Infinity): void {
    const versions = this.#store.streams.get(stream) ?? [];
    const from = this.#positions.get(stream) ?? 0;
    const to = Math.min(versions.length, from + count);
    for (const version of versions.slice(from, to)) this.#take(version);
    this.#positions.set(stream, to);
  }

  deliverAll(): void {
    for (const stream of this.behind()) this.deliver(stream);
  }

  /** The UIDs of the controllers above an object, nearest first, as far as their objects were delivered. */
  ownersOf(object: KubeObject): string[] {
    const uids: string[] = [];
    let uid = controllerUidOf(object);
    while (uid !== undefined && !uids.includes(uid)) {
      uids.push(uid);
      const owner = this.get(uid);
      uid = owner === undefined ? undefined : controllerUidOf(owner);
    }
    return uids;
  }

  /**
   * Why a pod is obsolete by all that was delivered; `undefined` where it is not.
   * @param root as it was delivered. It is no group: a root that is being deleted makes no pod obsolete that it would have kept
   * @param more groups of the pod besides its UID and those of its owners
   */
  whyObsolete(pod: KubeObject, { metadata }: KubeObject, more: readonly string[]): Known | undefined {
    const owners = this.ownersOf(pod).filter((owner) => owner !== metadata.uid);
    const groups = [pod.metadata.uid, ...owners, ...more];
    return groups
      .flatMap((group) => this.#known.get(group) ?? [])
      .find((known) => known.isObsolete && (known.since ?? 0) <= (metadata.generation ?? 0) && this.#isShown(known));
  }

  /** The object that showed it is still there, and still belongs to its owner. Otherwise a client that saw only its last version knows nothing. */
  #isShown({ shownBy }: Known): boolean {
    const object = this.get(shownBy.metadata.uid);
    return object !== undefined && controllerUidOf(object) === controllerUidOf(shownBy);
  }

  #take(version: Version): void {
    const { at, object, isDeleted, facts } = version;
    if (isDeleted) this.#versions.delete(object.metadata.uid);
    else this.#versions.set(object.metadata.uid, version);
    for (const fact of facts) {
      const before = this.#known.get(fact.group);
      if (before === undefined || before.at < at) this.#known.set(fact.group, { ...fact, at, shownBy: object });
    }
  }
}
