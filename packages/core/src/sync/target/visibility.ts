import type { DesiredRoot } from "./desired-state.ts";

const NONE: ReadonlySet<never> = new Set();

/** Which mapped roots were handed over by a transport and may not be visible in the container yet. */
export class Visibility {
  /** Roots that the transport will report. */
  #pending: ReadonlySet<Promise<void>> = NONE;
  /** Mappings whose transport does not report when the files are visible. */
  #unreported: ReadonlySet<string> = NONE;

  /** A root will be reported as visible, and was not yet. */
  get isPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Why these mapped roots may not be visible; `undefined` if all are. */
  reasonAgainst(roots: readonly DesiredRoot[]): string | undefined {
    if (this.isPending) return "handed over; the files are not visible in the container yet";
    return roots.some(({ mapping }) => this.#unreported.has(mapping.id))
      ? "handed over; the transport does not report when the files are visible"
      : undefined;
  }

  addUnreported(mappingId: string): void {
    this.#unreported = new Set([...this.#unreported, mappingId]);
  }

  /**
   * Waits until a mapped root is visible.
   * @param seen rejects if the root cannot become visible
   * @param onFailed is awaited before `onSettled` is called
   */
  wait(
    mappingId: string,
    seen: Promise<void>,
    { onFailed, onSettled }: { readonly onFailed: (error: unknown) => Promise<void>; readonly onSettled: () => void },
  ): void {
    if (this.#unreported.has(mappingId)) this.#unreported = without(this.#unreported, mappingId);
    const waiting = seen.then(undefined, onFailed).finally(() => {
      this.#pending = without(this.#pending, waiting);
      onSettled();
    });
    this.#pending = new Set([...this.#pending, waiting]);
  }
}

function without<T>(set: ReadonlySet<T>, value: T): ReadonlySet<T> {
  const rest = [...set].filter((each) => each !== value);
  return rest.length === 0 ? NONE : new Set(rest);
}
