/**
 * A map whose first entry lies in the object itself: a `Map` of one entry takes more than 200 bytes and this one 48, which counts where
 * there is one for each of thousands of targets.
 */
export class ShortMap<Key, Value> {
  #key: Key | undefined;
  /** `undefined`: the map is empty. */
  #value: Value | undefined;
  /** Entries after the first. */
  #others: Map<Key, Value> | undefined;

  get(key: Key): Value | undefined {
    return key === this.#key ? this.#value : this.#others?.get(key);
  }

  set(key: Key, value: Value & {}): void {
    if (this.#value === undefined || key === this.#key) {
      this.#key = key;
      this.#value = value;
    } else (this.#others ??= new Map()).set(key, value);
  }

  delete(key: Key): void {
    if (key !== this.#key) {
      this.#others?.delete(key);
      return;
    }
    const [next] = this.#others ?? [];
    [this.#key, this.#value] = next ?? [undefined, undefined];
    if (next !== undefined) this.#others?.delete(next[0]);
  }
}
