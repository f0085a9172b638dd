/** Waits until the time or the signal; does not keep the process alive. @returns false if the signal came first. */
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
