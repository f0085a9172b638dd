/** The ordinals that a StatefulSet wants pods for. */
export interface Ordinals {
  readonly start: number;
  readonly wanted: ReadonlySet<number>;
}

interface OrdinalSpec {
  readonly replicas?: number;
  readonly ordinals?: { readonly start?: number };
  /** Numbers, and ranges such as `3-5`. */
  readonly reserveOrdinals?: readonly (number | string)[];
}

/** The first `replicas` ordinals from the start that are not reserved (`getStatefulSetReplicasRange`). */
export function readOrdinals({ replicas = 1, ordinals, reserveOrdinals = [] }: OrdinalSpec): Ordinals {
  const start = ordinals?.start ?? 0;
  const reserved = new Set(reserveOrdinals.flatMap(ordinalsOf));
  const wanted = new Set<number>();
  for (let ordinal = start; wanted.size < replicas; ordinal++) if (!reserved.has(ordinal)) wanted.add(ordinal);
  return { start, wanted };
}

/** Widest range that is read, so that a mistyped one costs no memory. */
const MAX_RANGE = 10_000;

function ordinalsOf(entry: number | string): readonly number[] {
  const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(String(entry)) ?? [];
  if (first === "") return [];
  const length = Math.min(Number(last) - Number(first) + 1, MAX_RANGE);
  return Array.from({ length: Math.max(0, length) }, (_, place) => Number(first) + place);
}
