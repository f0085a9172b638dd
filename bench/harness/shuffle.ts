/** The same elements in random order, so that no way always follows the most expensive one. */
export function shuffled<T>(all: readonly T[]): readonly T[] {
  return all
    .map((each) => ({ each, order: Math.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ each }) => each);
}
