interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
  next: Entry<Key, Value> | undefined;
}

/**
 * A map of a few entries, in the order in which they came, which it compares one by one. A `Map` of one entry takes more than 200 bytes
 * and this one 80, which counts where there is one for each of thousands of targets.
 */
export class ShortMap<Key, Value> {
  #first: Entry<Key, Value> | undefined;

  get(key: Key): Value | undefined {
    return this.#find((entry) => entry.key === key)?.value;
  }

  set(key: Key, value: Value): void {
    const known = this.#find((entry) => entry.key === key);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    const added = { key, value, next: undefined };
    const last = this.#find(({ next }) => next === undefined);
    if (last === undefined) this.#first = added;
    else last.next = added;
  }

  delete(key: Key): void {
    if (this.#first?.key === key) {
      this.#first = this.#first.next;
      return;
    }
    const before = this.#find(({ next }) => next?.key === key);
    if (before !== undefined) before.next = before.next?.next;
  }

  clear(): void {
    this.#first = undefined;
  }

  /** A copy: the map may change meanwhile. */
  values(): readonly Value[] {
    return this.entries().map(([, value]) => value);
  }

  /** A copy: the map may change meanwhile. */
  entries(): readonly (readonly [Key, Value])[] {
    const entries: (readonly [Key, Value])[] = [];
    for (let entry = this.#first; entry !== undefined; entry = entry.next) entries.push([entry.key, entry.value]);
    return entries;
  }

  #find(isIt: (entry: Entry<Key, Value>) => boolean): Entry<Key, Value> | undefined {
    let entry = this.#first;
    while (entry !== undefined && !isIt(entry)) entry = entry.next;
    return entry;
  }
}
