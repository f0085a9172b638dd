// The tables of the benchmarks: their rows, and the rows that these are compared with.

/** Sizes of the groups in goals. */
export const SIZES = [1, 5, 20] as const;

const IMAGES = ["busybox", "debian"] as const;

export interface Table {
  readonly title: string;
  /** The variants in goals; a run can measure others. */
  readonly variants: readonly (string | number)[];
  /** Whether a row also has the time until the first pod has the file. */
  readonly hasFirst: boolean;
  /** The rows of each variant: key and name. Times are compared within one variant only. */
  readonly ways: Readonly<Record<string, string>>;
  /** The row, besides `floor`, that all are compared with. `inverse`: its time as a multiple of the row's. */
  readonly against: { readonly way: string; readonly head: string; readonly inverse: boolean };
}

const KINSYNC = { library: "kinsync (library)", cli: "kinsync up (CLI)" } as const;

const TRANSFER = {
  floor: "the same bytes into one open exec (floor)",
  tar: "tar c into kubectl exec -i -- tar x",
  library: "kinsync (library), once",
  cli: "kinsync sync (CLI, with its start)",
} as const;

const OF_TAR = { way: "tar", head: "of tar into kubectl exec", inverse: false } as const;

export const TABLES = {
  save: {
    title: "Save to visible",
    variants: SIZES,
    hasFirst: true,
    ways: {
      floor: "one open exec (floor)",
      ...KINSYNC,
      exec: "a new exec per save",
      tar: "tar into kubectl exec, in parallel",
      cp: "kubectl cp, in parallel",
      "cp-serial": "kubectl cp, one pod after the other",
    },
    against: { way: "cp", head: "kubectl cp takes", inverse: true },
  },
  "save-python": {
    title: "Save to visible, image with python3 alone",
    variants: SIZES,
    hasFirst: true,
    ways: { floor: "one open exec (floor)", ...KINSYNC, exec: "a new exec per save" },
    against: { way: "exec", head: "a new exec takes", inverse: true },
  },
  "first-sync": {
    title: "First sync into an empty folder",
    variants: IMAGES,
    hasFirst: false,
    ways: TRANSFER,
    against: OF_TAR,
  },
  "big-file": {
    title: "One big file",
    variants: IMAGES,
    hasFirst: false,
    ways: { ...TRANSFER, cp: "kubectl cp" },
    against: OF_TAR,
  },
  far: {
    title: "First sync over a far link",
    variants: ["busybox"],
    hasFirst: false,
    ways: {
      floor: "the bytes of tar cz into one open exec per pod (floor)",
      tar: "tar cz into kubectl exec -i -- tar xz, in parallel",
      library: TRANSFER.library,
      cli: TRANSFER.cli,
    },
    against: { way: "tar", head: "of tar cz into kubectl exec", inverse: false },
  },
} as const satisfies Readonly<Record<string, Table>>;

export type TableName = keyof typeof TABLES;

/** The rows that one of these tables has. */
export type WayOf<T extends TableName> = T extends TableName ? keyof (typeof TABLES)[T]["ways"] & string : never;

type RowsOf<T extends TableName> = `${T}/${(typeof TABLES)[T]["variants"][number]} ${WayOf<T>}`;

/** A row as goals name it: `save/5 cli`. With one pod, serial and parallel are the same, and there is one row of it. */
export type RowName = Exclude<{ [T in TableName]: RowsOf<T> }[TableName], "save/1 cp-serial">;

/** All rows that a run over these tables and sizes measures, as goals name them. */
export function rowsOf(tables: readonly TableName[], sizes: readonly number[]): readonly string[] {
  const rows = tables.flatMap((name) => {
    const { variants, ways }: Table = TABLES[name];
    const measured = variants.filter((variant) => typeof variant === "string" || sizes.includes(variant));
    return measured.flatMap((variant) => Object.keys(ways).map((way) => `${name}/${variant} ${way}`));
  });
  return rows.filter((row) => row !== "save/1 cp-serial");
}
