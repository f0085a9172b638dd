/** A watchdog under which calls of plugins run. */
export interface CallWatch {
  /** The current call (0: none), and how many calls began or ended. Shared with the thread that watches. */
  readonly state: Int32Array;
  /** The number of a call; the thread gets its name before the call begins. */
  callNumber(plugin: string, operation: string): number;
}

let active: CallWatch | undefined;

/** Starts or ends the watch; used by `startWatchdog`. */
export function setCallWatch(watch: CallWatch | undefined): void {
  active = watch;
}

/** The watch that is active now. */
export function activeCallWatch(): CallWatch | undefined {
  return active;
}

/** Runs a plugin's synchronous function under the watchdog, if there is one. */
export function watchCall<T>(plugin: string, operation: string, run: () => T): T {
  if (active === undefined) return run();
  const { state } = active;
  const outer = enter(active, plugin, operation);
  try {
    return run();
  } finally {
    leave(state, outer);
  }
}

/** The same for the import of a plugin's module: its code runs at some moment within that time. */
export async function watchImport<T>(plugin: string, run: () => Promise<T>): Promise<T> {
  if (active === undefined) return await run();
  const { state } = active;
  const outer = enter(active, plugin, "import");
  // An import that only waits leaves the event loop free.
  const beat = setInterval(() => Atomics.add(state, 1, 1), 100);
  try {
    return await run();
  } finally {
    clearInterval(beat);
    leave(state, outer);
  }
}

/** The number of the call that this one is in. */
function enter(watch: CallWatch, plugin: string, operation: string): number {
  const outer = Atomics.exchange(watch.state, 0, watch.callNumber(plugin, operation));
  Atomics.add(watch.state, 1, 1);
  return outer;
}

function leave(state: Int32Array, outer: number): void {
  Atomics.store(state, 0, outer);
  Atomics.add(state, 1, 1);
}
