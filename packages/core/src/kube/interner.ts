import { deepFreeze } from "./trim.ts";

/** Values that are kept in one generation; two generations are kept. */
const GENERATION_SIZE = 1_000;

/** A value with a longer JSON text is rarely equal to another one, and costs more to compare than it saves. */
const LONGEST_KEY = 4_096;

/** V8 stores strings of JSON texts up to this length once anyway. */
const SHORT_TEXT = 10;

/**
 * Replaces equal JSON values by one object, so that ten thousand pods of one template store its containers once. Values that
 * were not used for a while are forgotten: later equal ones are then another object, which costs memory and nothing else.
 */
export class Interner {
  readonly #values = new RecentlyUsed<object>();
  readonly #texts = new RecentlyUsed<string>();

  /** The one object for all equal ones, deeply frozen. */
  value<Value extends object>(value: Value): Value {
    const key = JSON.stringify(value);
    if (key.length > LONGEST_KEY) return value;
    return this.#values.get(key, () => deepFreeze(value)) as Value;
  }

  text(text: string): string {
    return text.length <= SHORT_TEXT || text.length > LONGEST_KEY ? text : this.#texts.get(text, () => text);
  }
}

class RecentlyUsed<Value> {
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  get(key: string, make: () => Value): Value {
    let value = this.#young.get(key);
    if (value === undefined) {
      value = this.#old.get(key) ?? make();
      if (this.#young.size >= GENERATION_SIZE) {
        this.#old = this.#young;
        this.#young = new Map();
      }
      this.#young.set(key, value);
    }
    return value;
  }
}
