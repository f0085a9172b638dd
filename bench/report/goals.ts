import type { RowName, TableName } from "./tables.ts";

/** A limit of one row as a multiple of another: medians of the time until the last pod has the file, within one run. */
export interface Goal {
  readonly what: string;
  /** Each of these rows has to meet the limit. */
  readonly of: readonly RowName[];
  readonly against: RowName;
  readonly atMost: number;
}

// A row that is not in a table does not compile.
const GOALS: readonly Goal[] = [
  {
    what: "a save in one pod / kubectl cp",
    of: ["save/1 library", "save/1 cli"],
    against: "save/1 cp",
    atMost: 1 / 10,
  },
  {
    what: "a save in the last of 5 pods / kubectl cp in parallel",
    of: ["save/5 library", "save/5 cli"],
    against: "save/5 cp",
    atMost: 1 / 20,
  },
  {
    what: "a save in the last of 20 pods / kubectl cp in parallel",
    of: ["save/20 library", "save/20 cli"],
    against: "save/20 cp",
    atMost: 1 / 40,
  },
  {
    what: "a save in the last of 20 pods / the floor of 20",
    of: ["save/20 library", "save/20 cli"],
    against: "save/20 floor",
    atMost: 4,
  },
  {
    what: "a save in the last of 5 pods / in one pod (library)",
    of: ["save/5 library"],
    against: "save/1 library",
    atMost: 1.5,
  },
  {
    what: "a save in the last of 5 pods / in one pod (CLI)",
    of: ["save/5 cli"],
    against: "save/1 cli",
    atMost: 1.5,
  },
  {
    what: "10,000 files, busybox / tar into kubectl exec",
    of: ["first-sync/busybox library", "first-sync/busybox cli"],
    against: "first-sync/busybox tar",
    atMost: 1.15,
  },
  {
    what: "10,000 files, Debian / tar into kubectl exec",
    of: ["first-sync/debian library", "first-sync/debian cli"],
    against: "first-sync/debian tar",
    atMost: 1.15,
  },
  {
    what: "100 MiB, busybox / tar into kubectl exec",
    of: ["big-file/busybox library", "big-file/busybox cli"],
    against: "big-file/busybox tar",
    atMost: 1.3,
  },
  {
    what: "100 MiB, Debian / tar into kubectl exec",
    of: ["big-file/debian library", "big-file/debian cli"],
    against: "big-file/debian tar",
    atMost: 1.3,
  },
  {
    what: "14 MB of text into 5 pods over a far link / tar cz into kubectl exec",
    of: ["far/busybox library", "far/busybox cli"],
    against: "far/busybox tar",
    atMost: 1,
  },
];

/** The goals that compare rows of these tables. */
export function goalsOf(tables: readonly TableName[]): readonly Goal[] {
  return GOALS.filter(({ against }) => tables.some((table) => against.startsWith(`${table}/`)));
}
