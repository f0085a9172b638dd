/** The ordinals that a StatefulSet wants pods for. */
export interface Ordinals {
  /** Place of an ordinal among the wanted ones, from 0; `undefined` where it is not wanted. */
  readonly rankOf: (ordinal: number) => number | undefined;
}

interface OrdinalSpec {
  readonly replicas?: number;
  readonly ordinals?: { readonly start?: number };
  /** Numbers, and ranges such as `3-5`. */
  readonly reserveOrdinals?: readonly (number | string)[];
}

/** First and last ordinal. */
type Range = readonly [number, number];

/**
 * The first `replicas` ordinals from the start that are not reserved (`getStatefulSetReplicasRange`, kruise
 * `pkg/controller/statefulset/stateful_set_utils.go`).
 */
export function readOrdinals({ replicas = 1, ordinals, reserveOrdinals = [] }: OrdinalSpec): Ordinals {
  const start = ordinals?.start ?? 0;
  const reserved = readRanges(reserveOrdinals);
  return {
    rankOf: (ordinal) => {
      if (ordinal < start || reserved.some(([first, last]) => first <= ordinal && ordinal <= last)) return undefined;
      const lengths = reserved.map(([first, last]) => Math.min(last + 1, ordinal) - Math.max(first, start));
      const rank = ordinal - start - lengths.reduce((sum, length) => sum + Math.max(0, length), 0);
      return rank < replicas ? rank : undefined;
    },
  };
}

/** Ranges that do not overlap. One text that is not a range makes the controller reserve nothing (kruise `pkg/util/api/asts.go`). */
function readRanges(entries: readonly (number | string)[]): readonly Range[] {
  const ranges: Range[] = [];
  for (const entry of entries) {
    const range = typeof entry === "number" ? ([entry, entry] as const) : rangeOf(entry);
    if (range === undefined) return [];
    ranges.push(range);
  }
  const merged: Range[] = [];
  for (const [first, last] of ranges.toSorted(([one], [other]) => one - other)) {
    const former = merged.at(-1);
    if (former === undefined || first > former[1]) merged.push([first, last]);
    else merged[merged.length - 1] = [former[0], Math.max(former[1], last)];
  }
  return merged;
}

function rangeOf(text: string): Range | undefined {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  return first === undefined || Number(first) > Number(last) ? undefined : [Number(first), Number(last)];
}
