/** Freezes a value recursively and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** Functions that a pure function must not call, with their names for error messages. */
const FORBIDDEN: readonly (readonly [label: string, holder: () => object, key: string])[] = [
  ["Math.random", () => Math, "random"],
  ["performance.now", () => performance, "now"],
  ["crypto.randomUUID", () => crypto, "randomUUID"],
  ["crypto.getRandomValues", () => crypto, "getRandomValues"],
  ["fetch", () => globalThis, "fetch"],
  ["setTimeout", () => globalThis, "setTimeout"],
  ["setInterval", () => globalThis, "setInterval"],
  ["setImmediate", () => globalThis, "setImmediate"],
  ["queueMicrotask", () => globalThis, "queueMicrotask"],
  ["console.log", () => console, "log"],
  ["console.warn", () => console, "warn"],
  ["console.error", () => console, "error"],
];

/**
 * Calls a synchronous function while the clock, randomness, timers, the network and the console throw.
 *
 * `new Date(text)` and `Date.parse` stay: they are pure. Access to files and sockets is not detected.
 */
export function callPurely<T>(call: () => T): T {
  const restore: (() => void)[] = [];
  const RealDate = globalThis.Date;
  const PureDate = new Proxy(RealDate, {
    construct(target, args: unknown[], newTarget) {
      if (args.length === 0) throw new Error("a kind is pure, and this one reads the time: new Date()");
      return Reflect.construct(target, args, newTarget) as Date;
    },
    apply() {
      throw new Error("a kind is pure, and this one reads the time: Date()");
    },
    get(target, key) {
      if (key === "now") return refuse("Date.now");
      return Reflect.get(target, key) as unknown;
    },
  });
  const replace = (holder: object, key: string, value: unknown): void => {
    const own = Object.getOwnPropertyDescriptor(holder, key);
    Object.defineProperty(holder, key, { value, configurable: true, writable: true, enumerable: true });
    restore.unshift(() => {
      if (own === undefined) Reflect.deleteProperty(holder, key);
      else Object.defineProperty(holder, key, own);
    });
  };
  try {
    replace(globalThis, "Date", PureDate);
    for (const [label, holder, key] of FORBIDDEN) replace(holder(), key, refuse(label));
    return call();
  } finally {
    for (const undo of restore) undo();
  }
}

function refuse(label: string): () => never {
  return () => {
    throw new Error(`a kind is pure, and this one uses ${label}`);
  };
}
