import { EXIT } from "./exit-code.ts";

/** Milliseconds for everything to end in order after the first Ctrl-C. */
const GRACE = 900;

/** The reason of an abort by Ctrl-C, SIGTERM or SIGHUP. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Interrupts extends Disposable {
  /** Aborted with `Interrupted` at the first signal. */
  readonly signal: AbortSignal;
}

/** The first signal asks everything to end; the second, or a second of waiting, ends the process at once. */
export function createInterrupts(): Interrupts {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  function onSignal(): void {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Interrupted("interrupted"));
    timer = setTimeout(() => process.exit(EXIT.interrupted), GRACE);
    timer.unref();
  }
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      // After the work is done a second Ctrl-C ends what lingers; the default would do, but with another exit code.
      if (!controller.signal.aborted) for (const name of names) process.off(name, onSignal);
      clearTimeout(timer);
    },
  };
}
