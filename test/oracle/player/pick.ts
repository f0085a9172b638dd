/** One of a list by number; `undefined` of an empty one. */
export function pick<Item>(items: readonly Item[], choice: number): Item | undefined {
  return items[choice % items.length];
}
