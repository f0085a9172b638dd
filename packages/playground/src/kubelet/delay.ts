/** Waits, but not longer than until the signal; never holds the process. @returns false where the signal came first. */
export function delay(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve(true);
    }, milliseconds);
    timer.unref();
    signal.addEventListener("abort", end, { once: true });
  });
}
