/** The ordinals that a StatefulSet wants pods for. */
export interface Ordinals {
  readonly start: number;
  readonly isWanted: (ordinal: number) => boolean;
}

interface OrdinalSpec {
  readonly replicas?: number;
  readonly ordinals?: { readonly start?: number };
  /** Numbers, and ranges such as `3-5`. */
  readonly reserveOrdinals?: readonly (number | string)[];
}

/** Widest range that is read, so that a mistyped one costs no memory. */
const MAX_RANGE = 10_000;

/** The first `replicas` ordinals from the start that are not reserved (`getStatefulSetReplicasRange`). */
export function readOrdinals({ replicas = 1, ordinals, reserveOrdinals = [] }: OrdinalSpec): Ordinals {
  const start = ordinals?.start ?? 0;
  const reserved = new Set(reserveOrdinals.flatMap(ordinalsOf));
  return {
    start,
    isWanted: (ordinal) => {
      const holes = [...reserved].filter((each) => each >= start && each < ordinal).length;
      return ordinal >= start && !reserved.has(ordinal) && ordinal - start - holes < replicas;
    },
  };
}

function ordinalsOf(entry: number | string): readonly number[] {
  const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(String(entry)) ?? [];
  if (first === "") return [];
  const length = Math.min(Number(last) - Number(first) + 1, MAX_RANGE);
  return Array.from({ length: Math.max(0, length) }, (_, place) => Number(first) + place);
}
