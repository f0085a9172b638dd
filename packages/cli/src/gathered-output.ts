import type { Output } from "./io.ts";

/** Milliseconds that text is kept for more to follow. */
const GATHER = 20;

/** An output that keeps text for a moment. */
export interface GatheredOutput extends Output {
  /** Hands on what is kept. */
  flush(): void;
}

/**
 * Writes the text of 20 ms together: where a save goes to many pods, a system call for each line, each of which wakes the
 * reader, would take the time of the pods that still wait for their bytes. What is kept is lost unless the owner flushes at the end.
 */
export function gatherOutput(output: Output): GatheredOutput {
  let kept = "";
  let timer: NodeJS.Timeout | undefined;
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const text = kept;
    kept = "";
    if (text !== "") output.write(text);
  }
  return {
    write(text) {
      kept += text;
      // Nothing to stay alive for: the end of the process flushes, too.
      timer ??= setTimeout(flush, GATHER).unref();
    },
    flush,
  };
}
