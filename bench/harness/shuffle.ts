/** The same things in an order by chance, so that nobody always comes after the most expensive. */
export function shuffled<T>(all: readonly T[]): readonly T[] {
  return all
    .map((each) => ({ each, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ each }) => each);
}
