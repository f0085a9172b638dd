import { closeSync } from "node:fs";
import inspector from "node:inspector";
import { Worker } from "node:worker_threads";
import { KinsyncError } from "../errors/error.ts";
import { activeCallWatch, setCallWatch, type CallWatch } from "./call-watch.ts";
import { HOOK, threadUrl, type CallName, type WatchdogThreadData } from "./watchdog-thread.ts";

export interface WatchdogOptions {
  /** How long one synchronous call of a plugin may take. Default: 5,000. */
  readonly limitMs?: number;
  /** Reports the error synchronously, and returns the exit code of the process. */
  readonly onBlocked: (error: KinsyncError) => number;
}

/**
 * Ends the process when a plugin loops or blocks in a synchronous call, which also keeps signals such as Ctrl-C from being handled. A
 * thread detects that the call does not return, and interrupts it: `onBlocked` reports `KINSYNC_PLUGIN_FAILED` with plugin and function,
 * and the process exits with its code. Where the call blocks outside JavaScript, the thread prints the plugin's name and kills the process.
 *
 * One watchdog per process. Does nothing under a debugger, where a breakpoint would look like a plugin that blocks. Disposing stops it.
 */
export function startWatchdog({ limitMs = 5_000, onBlocked }: WatchdogOptions): Disposable {
  if (activeCallWatch() !== undefined) throw new KinsyncError("KINSYNC_INTERNAL", "a second watchdog was started");
  if (inspector.url() !== undefined) return { [Symbol.dispose]: () => undefined };
  const state = new Int32Array(new SharedArrayBuffer(8));
  const workerData: WatchdogThreadData = { purpose: "kinsync-watchdog", state, limitMs };
  const worker = new Worker(threadUrl, { workerData });
  worker.unref();
  const watch: CallWatch = { state, callNumber: numbered(worker) };
  const hook = Symbol.for(HOOK);
  Object.defineProperty(globalThis, hook, {
    configurable: true,
    value: (plugin: string, operation: string) => {
      endProcess(blocked(plugin, operation, limitMs), onBlocked);
    },
  });
  setCallWatch(watch);
  function stop(): void {
    if (activeCallWatch() !== watch) return;
    setCallWatch(undefined);
    Reflect.deleteProperty(globalThis, hook);
    void worker.terminate();
  }
  // Without the thread there is no watchdog, and everything else works.
  worker.on("error", stop);
  return { [Symbol.dispose]: stop };
}

/** Numbers calls from 1 on, and sends each new name to the thread. */
function numbered(worker: Worker): CallWatch["callNumber"] {
  const calls = new Map<string, Map<string, number>>();
  let count = 0;
  return (plugin, operation) => {
    let operations = calls.get(plugin);
    if (operations === undefined) calls.set(plugin, (operations = new Map()));
    let call = operations.get(operation);
    if (call === undefined) {
      call = ++count;
      operations.set(operation, call);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage({ call, plugin, operation } satisfies CallName);
    }
    return call;
  };
}

function blocked(plugin: string, operation: string, limitMs: number): KinsyncError {
  return new KinsyncError(
    "KINSYNC_PLUGIN_FAILED",
    `plugin ${plugin} did not return from ${operation} within ${limitMs / 1000} s, so kinsync cannot continue`,
    { hint: "Remove the plugin from the config, and report it to its author.", plugin, operation },
  );
}

/** Runs on the main thread, in the middle of the plugin's call. */
function endProcess(error: KinsyncError, onBlocked: WatchdogOptions["onBlocked"]): void {
  let code = 1;
  try {
    code = onBlocked(error);
  } finally {
    // Node would print that it waits for a debugger: the thread's session. This listener is the last one, so no other output is lost.
    process.once("exit", () => closeSync(2));
    process.exit(code);
  }
}
