import type { ClaimedRoots } from "../sync/target/first-contact.ts";

const NONE: readonly string[] = Object.freeze([]);

/**
 * Mapped roots that this run has claimed, by target. A member that stops being eligible and returns is not a first contact: a later
 * run that claimed its roots meanwhile keeps them. Targets with the same claims share one list.
 */
export class Claims {
  readonly #byTarget = new Map<string, readonly string[]>();
  readonly #lists = new Map<string, readonly string[]>();

  /** The claims of one target, by its key. */
  of(target: string): ClaimedRoots {
    return new TargetClaims(this, target);
  }

  has(target: string, mappingId: string): boolean {
    return this.#byTarget.get(target)?.includes(mappingId) ?? false;
  }

  add(target: string, mappingId: string): void {
    const before = this.#byTarget.get(target) ?? NONE;
    if (!before.includes(mappingId)) this.#byTarget.set(target, this.#shared([...before, mappingId]));
  }

  #shared(ids: readonly string[]): readonly string[] {
    const key = ids.join("\n");
    const known = this.#lists.get(key);
    if (known === undefined) this.#lists.set(key, ids);
    return known ?? ids;
  }
}

class TargetClaims implements ClaimedRoots {
  readonly #claims: Claims;
  readonly #target: string;

  constructor(claims: Claims, target: string) {
    this.#claims = claims;
    this.#target = target;
  }

  has(mappingId: string): boolean {
    return this.#claims.has(this.#target, mappingId);
  }

  add(mappingId: string): void {
    this.#claims.add(this.#target, mappingId);
  }
}
