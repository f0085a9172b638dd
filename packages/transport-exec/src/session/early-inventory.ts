import type { Inventory, RootSpec } from "@kinsync/core/contract";

/**
 * The first answer of a new session, requested before its caller does: the agent's program takes a round trip anyway. It counts only for a
 * caller that asks for the same as the first thing, since later it may be outdated.
 */
export class EarlyInventory {
  #answer: { readonly root: string; readonly inventory: Promise<Inventory> } | undefined;

  /** @param root `undefined`: nothing was requested */
  expect(root: RootSpec | undefined, answer: (root: RootSpec) => Promise<Inventory>): void {
    if (root === undefined) return;
    const inventory = answer(root);
    // It may fail before anybody asks, and nobody may ask.
    inventory.catch(() => undefined);
    this.#answer = { root: textOf(root), inventory };
  }

  /** @returns `undefined` where another answer, or none, was requested */
  take(root: RootSpec, signal: AbortSignal): Promise<Inventory> | undefined {
    const answer = this.#answer;
    this.forget();
    return answer?.root === textOf(root) ? untilAborted(answer.inventory, signal) : undefined;
  }

  /** Something else was requested: what is there may differ from now on. */
  forget(): void {
    this.#answer = undefined;
  }
}

function textOf({ path, shape, key, inPlace = false }: RootSpec): string {
  return JSON.stringify([path, shape, key, inPlace]);
}

/** Settles with the work, or rejects with the signal's reason when it aborts first. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
