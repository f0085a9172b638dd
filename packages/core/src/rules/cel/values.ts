/** A step is one field that is read, or one item of a list that is gone through. */
export const MAX_STEPS = 1_000_000;

/** What one verdict has cost so far. Counted, not timed: the same objects give the same answer on any machine. */
let steps = 0;

/** Begins a verdict. Returns what the previous one cost. */
export function startCounting(): number {
  const cost = steps;
  steps = 0;
  return cost;
}

function spend(count: number): void {
  steps += count;
  if (steps > MAX_STEPS) throw new Error(`it takes more than ${MAX_STEPS} steps`);
}

/** A value of JSON as CEL has it: whole numbers are integers, and what is missing is `null`. */
export function toCel(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  return isMistakable(value) ? withoutConstructor(value) : value;
}

/** The library reads the type of an object from `constructor`, which is also a valid name of a label. */
function isMistakable(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "constructor");
}

function withoutConstructor(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "constructor"));
}

/** A field or an item; `null` where it is missing. */
export function fieldOf(value: unknown, key: unknown): unknown {
  spend(1);
  if (value === null || typeof value !== "object") return null;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return typeof key === "bigint" || typeof key === "number" ? toCel(items[Number(key)]) : null;
  }
  const name = typeof key === "string" ? key : String(key);
  return Object.hasOwn(value, name) ? toCel((value as Readonly<Record<string, unknown>>)[name]) : null;
}

/** The items of a list or the keys of a map; none of what is missing. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") throw new Error(`a list or a map was expected, not ${describe(value)}`);
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.keys(value);
  spend(items.length);
  return items.some((item) => typeof item === "number" || item === undefined || isMistakable(item))
    ? items.map(toCel)
    : items;
}

/** True or false of a condition; what is missing is false. */
export function truthOf(value: unknown): boolean {
  if (value === null) return false;
  if (typeof value === "boolean") return value;
  throw new Error(`true or false was expected, not ${describe(value)}`);
}

/** A whole number, or the whole number that a text contains; `null` of anything else. */
export function integerOf(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isFinite(value) ? BigInt(Math.trunc(value)) : null;
  return typeof value === "string" && /^[+-]?\d{1,18}$/.test(value) ? BigInt(value) : null;
}

export function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  return isPlain(value) ? String(value) : JSON.stringify(value, plainNumber);
}

/** An instant; `null` of a text that is not one. */
export function instantOf(value: unknown): Date | null {
  if (value instanceof Date) return value;
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT/.test(value)) return null;
  const instant = new Date(value);
  return Number.isNaN(instant.getTime()) ? null : instant;
}

export function sizeOf(value: unknown): bigint {
  if (value === null || value === undefined) return 0n;
  if (typeof value === "string") return BigInt(Array.from(value).length);
  return BigInt(itemsOf(value).length);
}

/** True if a list has the item, or a map the key. */
export function isIn(item: unknown, value: unknown): boolean {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return typeof item === "string" && Object.hasOwn(value, item);
  }
  // eslint-disable-next-line eqeqeq -- an integer of CEL equals the same number of JSON
  return itemsOf(value).some((each) => each === item || (isNumber(each) && isNumber(item) && each == item));
}

/** Sum, smallest or largest of the numbers of a list; `null` items do not count. */
export function aggregate(value: unknown, of: "sum" | "min" | "max"): unknown {
  const numbers = itemsOf(value).filter(isNumber);
  if (of === "sum") return numbers.length === 0 ? 0n : numbers.reduce(add);
  if (numbers.length === 0) return null;
  return numbers.reduce((best, each) => ((of === "min" ? each < best : each > best) ? each : best));
}

/** A value as verdicts and messages have it. */
export function toPlain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Date ? value.toISOString() : value;
}

function add(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === "bigint" && typeof b === "bigint" ? a + b : Number(a) + Number(b);
}

function isPlain(value: unknown): value is number | bigint | boolean {
  return isNumber(value) || typeof value === "boolean";
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function plainNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (isPlain(value)) return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}
