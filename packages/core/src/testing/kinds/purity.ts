import { createRequire, syncBuiltinESMExports } from "node:module";

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
  ["process.hrtime", () => process, "hrtime"],
  ["process.cwd", () => process, "cwd"],
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

/** Modules of Node whose functions reach out of the process. */
const OUTSIDE = [
  "fs",
  "fs/promises",
  "net",
  "http",
  "https",
  "http2",
  "tls",
  "dgram",
  "dns",
  "dns/promises",
  "os",
  "child_process",
  "worker_threads",
];

/** What undoes each replacement that is in place, the last one first. */
let undone: (() => void)[] = [];

/** The error of a forbidden call: a kind that catches it is not pure either. */
let refusal: Error | undefined;

/** Undoes every replacement of a call that was interrupted. */
export function restoreGlobals(): void {
  for (const undo of undone) undo();
  undone = [];
}

/**
 * Calls a synchronous function while the clock, randomness, timers, the network, the environment and the console throw.
 *
 * `new Date(text)` and `Date.parse` stay: they are pure. Modules of Node are not watched; see `callWithoutModules`.
 */
export function callPurely<T>(call: () => T): T {
  const before = undone.length;
  const RealDate = globalThis.Date;
  const PureDate = new Proxy(RealDate, {
    construct(target, args: unknown[], newTarget) {
      if (args.length === 0) refuse("new Date()")();
      return Reflect.construct(target, args, newTarget) as Date;
    },
    apply: refuse("Date()"),
    get(target, key) {
      if (key === "now") return refuse("Date.now");
      return Reflect.get(target, key) as unknown;
    },
  });
  try {
    replace(globalThis, "Date", PureDate);
    replace(process, "env", new Proxy({}, { get: refuse("process.env"), has: refuse("process.env") }));
    for (const [label, holder, key] of FORBIDDEN) replace(holder(), key, refuse(label));
    refusal = undefined;
    const result = call();
    throwRefusal();
    return result;
  } finally {
    undoUntil(before);
  }
}

/** Calls a synchronous function as `callPurely` does, while files, sockets, processes and threads of Node's modules throw, too. */
export function callWithoutModules<T>(call: () => T): T {
  const before = undone.length;
  const load = createRequire(import.meta.url);
  try {
    for (const name of OUTSIDE) {
      const module = load(`node:${name}`) as object;
      for (const [key, { value, writable = false, configurable = false }] of Object.entries(
        Object.getOwnPropertyDescriptors(module),
      )) {
        // Classes stay: modules that Node loads later extend them.
        const isFunction = typeof value === "function" && /^[a-z]/.test(key);
        if (isFunction && writable && configurable) replace(module, key, refuse(`${name}.${key}`));
      }
    }
    syncBuiltinESMExports();
    return callPurely(call);
  } finally {
    undoUntil(before);
    syncBuiltinESMExports();
  }
}

function replace(holder: object, key: string, value: unknown): void {
  const own = Object.getOwnPropertyDescriptor(holder, key);
  Object.defineProperty(holder, key, { value, configurable: true, writable: true, enumerable: true });
  undone.unshift(() => {
    if (own === undefined) Reflect.deleteProperty(holder, key);
    else Object.defineProperty(holder, key, own);
  });
}

function undoUntil(length: number): void {
  while (undone.length > length) undone.shift()?.();
}

function refuse(label: string): () => never {
  return () => {
    refusal = new Error(`a kind is pure, and this one uses ${label}`);
    throw refusal;
  };
}

function throwRefusal(): void {
  if (refusal !== undefined) throw refusal;
}
