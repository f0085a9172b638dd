/**
 * A list whose only entry is held without an array, which would take more than 50 bytes: nearly all of these lists have one entry, and
 * there may be thousands. Not for entries that are arrays.
 */
export type ShortList<Entry> = Entry | readonly Entry[];

export function shortList<Entry>(entries: readonly Entry[]): ShortList<Entry> {
  const [first] = entries;
  return entries.length === 1 && first !== undefined ? first : entries;
}

export function entriesOf<Entry>(list: ShortList<Entry>): readonly Entry[] {
  return isEntries(list) ? list : [list];
}

function isEntries<Entry>(list: ShortList<Entry>): list is readonly Entry[] {
  return Array.isArray(list);
}
