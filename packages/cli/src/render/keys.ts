import type { Input, JobControl } from "../io.ts";

/** Keys of a terminal, while a run is shown. */
export interface Keys extends Disposable {
  /** Gives the terminal its lines back, for a question. */
  pause(): void;
  resume(): void;
}

export interface KeysOptions {
  readonly input: Input;
  readonly jobControl: JobControl;
  /** A key as the terminal sends it: `a`, `\u001B[A`. */
  readonly onKey: (key: string) => void;
  /** The process is about to be suspended: the terminal must be as it was. */
  readonly onSuspend: () => void;
  /** It runs again. */
  readonly onContinue: () => void;
}

const INTERRUPT = "\u0003";
const SUSPEND = "\u001A";

/**
 * Reads keys in raw mode; `undefined` where that is not possible. The terminal leaves raw mode when the keys are disposed of, while they are
 * paused or the process is suspended, and when the process exits for any reason.
 */
export function openKeys({ input, jobControl, onKey, onSuspend, onContinue }: KeysOptions): Keys | undefined {
  if (input.isTTY !== true || input.setRawMode === undefined || !jobControl.isForeground()) return undefined;
  let isRaw = false;
  function raw(on: boolean): void {
    if (isRaw === on) return;
    isRaw = on;
    input.setRawMode?.(on);
    if (on) input.resume();
    else input.pause();
  }
  function onData(data: Buffer | string): void {
    for (const key of splitKeys(data.toString())) {
      if (!isRaw) return;
      if (key === INTERRUPT) jobControl.interrupt();
      else if (key === SUSPEND) suspend();
      else onKey(key);
    }
  }
  function suspend(): void {
    onSuspend();
    raw(false);
    jobControl.suspend();
  }
  let isPaused = false;
  const offContinue = jobControl.onContinue(() => {
    if (isPaused) return;
    // Also after a stop that did not come from here: the shell has changed the mode meanwhile.
    raw(false);
    // `bg` continues the process without giving it the terminal.
    if (jobControl.isForeground()) raw(true);
    onContinue();
  });
  const offExit = jobControl.onExit(() => raw(false));
  input.on("data", onData);
  raw(true);
  return {
    pause: () => {
      isPaused = true;
      input.off("data", onData);
      raw(false);
    },
    resume: () => {
      isPaused = false;
      input.on("data", onData);
      raw(true);
    },
    [Symbol.dispose]: () => {
      input.off("data", onData);
      raw(false);
      offContinue();
      offExit();
    },
  };
}

/** One entry a key: an escape sequence is one key, and fast typing arrives in one piece. */
export function splitKeys(text: string): readonly string[] {
  return text.match(/\u001B\[[0-9;]*[A-Za-z~]|\u001BO[A-Z]|[^]/gu) ?? [];
}
