/** Pseudo-random numbers in [0, 1), the same for the same seed (mulberry32), so that a failure can be reproduced. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A shuffled copy (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const item = copy[last] as T;
    copy[last] = copy[other] as T;
    copy[other] = item;
  }
  return copy;
}

/** Copies with each pair of elements swapped, neighbors first; at most `limit` copies. */
export function pairwiseSwapped<T>(items: readonly T[], limit: number): T[][] {
  const copies: T[][] = [];
  for (let a = 0; a < items.length; a++) {
    for (let b = a + 1; b < items.length; b++) {
      if (copies.length === limit) return copies;
      const copy = [...items];
      copy[a] = items[b] as T;
      copy[b] = items[a] as T;
      copies.push(copy);
    }
  }
  return copies;
}
