import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { isMainThread, parentPort, workerData } from "node:worker_threads";

/** Start parameters of the thread. */
export interface WatchdogThreadData {
  readonly purpose: "kinsync-watchdog";
  /** The current call (0: none), and how many calls began or ended. */
  readonly state: Int32Array;
  readonly limitMs: number;
}

/** Sent to the thread for each new call, before the call begins. */
export interface CallName {
  readonly call: number;
  readonly plugin: string;
  readonly operation: string;
}

/** By the name of the package: the program `kinsync` has this module in a bundle of its own. */
const PACKAGE = pathToFileURL(createRequire(import.meta.url).resolve("@kinsync/core/package.json"));
const OWN = import.meta.url.endsWith(".ts") ? "src/plugins/watchdog-thread.ts" : "dist/plugins/watchdog-thread.js";

/** This module as a URL: it is the program of the thread. */
export const threadUrl = new URL(OWN, PACKAGE);

/** Property of `globalThis` on the main thread; the thread calls it through the inspector, also in the middle of an endless loop. */
export const HOOK = "kinsync.watchdog";

const POLL_MS = 250;

/** How long the main thread may take to end the process. It cannot end it where a plugin blocks outside JavaScript. */
const GRACE_MS = 2_000;

function watch({ state, limitMs }: WatchdogThreadData): void {
  const names = new Map<number, CallName>();
  parentPort?.on("message", (name: CallName) => names.set(name.call, name));
  let last = -1;
  let polls = 0;
  const timer = setInterval(() => {
    const call = Atomics.load(state, 0);
    const count = Atomics.load(state, 1);
    // Polls are counted, not milliseconds: a laptop that slept does not look like a plugin that blocks.
    polls = call !== 0 && count === last ? polls + 1 : 0;
    last = count;
    if (polls * POLL_MS < limitMs) return;
    clearInterval(timer);
    const name = names.get(call);
    void end(name?.plugin ?? "(unknown)", name?.operation ?? "a call");
  }, POLL_MS);
}

async function end(plugin: string, operation: string): Promise<void> {
  setTimeout(() => {
    writeSync(2, `error KINSYNC_PLUGIN_FAILED: plugin ${plugin} blocks kinsync in ${operation}; kinsync ends itself\n`);
    process.kill(process.pid, "SIGKILL");
  }, GRACE_MS);
  try {
    // Not every Node is built with the inspector.
    const { Session } = await import("node:inspector");
    const session = new Session();
    session.connectToMainThread();
    const call = JSON.stringify([plugin, operation]);
    session.post("Runtime.evaluate", { expression: `globalThis[Symbol.for(${JSON.stringify(HOOK)})](...${call})` });
  } catch {
    // The timer above ends the process.
  }
}

function isOurs(data: unknown): data is WatchdogThreadData {
  return typeof data === "object" && data !== null && "purpose" in data && data.purpose === "kinsync-watchdog";
}

if (!isMainThread && isOurs(workerData)) watch(workerData);
