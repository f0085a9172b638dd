import { TABLES } from "./tables.ts";
import type { Table, TableName } from "./tables.ts";
import { formatNumber, median, quantile, ratio, table } from "./format.ts";
import type { Goal } from "./goals.ts";

/** The measurements of one way in one variant of a table, in milliseconds. */
export interface Row {
  readonly table: TableName;
  readonly variant: string;
  readonly way: string;
  /** Until the first pod has the file; empty in tables of one pod. */
  readonly first: number[];
  /** Until the last pod has it. */
  readonly last: number[];
}

/** Whether one row of a goal meets it. */
export interface Verdict {
  readonly goal: Goal;
  /** Name of the row's way: `kinsync up (CLI)`. */
  readonly way: string;
  /** `undefined`: one of the two rows was not measured. */
  readonly value: number | undefined;
}

/** All measurements of one run. */
export class Figures {
  readonly #rows = new Map<string, Row>();
  readonly #notes = new Map<TableName, string>();

  add(table: TableName, variant: string | number, way: string, sample: { first?: number; last: number }): void {
    const name = `${table}/${variant} ${way}`;
    const row = this.#rows.get(name) ?? { table, variant: String(variant), way, first: [], last: [] };
    this.#rows.set(name, row);
    if (sample.first !== undefined) row.first.push(sample.first);
    row.last.push(sample.last);
  }

  /** Sets the text below the title of a table. */
  note(table: TableName, text: string): void {
    this.#notes.set(table, text);
  }

  noteOf(table: TableName): string {
    return this.#notes.get(table) ?? "";
  }

  /** The median of a row's last pod; NaN if it was not measured. */
  medianOf(name: string): number {
    return median(this.#rows.get(name)?.last ?? []);
  }

  has(name: string): boolean {
    return this.#rows.has(name);
  }

  rowsOf(table: TableName): readonly Row[] {
    return [...this.#rows.values()].filter((row) => row.table === table);
  }

  /** One verdict for each row of each goal. */
  judge(goals: readonly Goal[]): readonly Verdict[] {
    return goals.flatMap((goal) =>
      goal.of.map((name) => {
        const value = this.medianOf(name) / this.medianOf(goal.against);
        const row = this.#rows.get(name);
        return {
          goal,
          way: row === undefined ? name : wayName(row),
          value: Number.isFinite(value) ? value : undefined,
        };
      }),
    );
  }
}

function wayName({ table, way }: Row): string {
  return (TABLES[table] as Table).ways[way] ?? way;
}

/** The tables with rows, as Markdown, each with a heading. */
export function figuresAsText(figures: Figures): string {
  const names = Object.keys(TABLES) as TableName[];
  return names
    .filter((name) => figures.rowsOf(name).length > 0)
    .map((name) => `### ${TABLES[name].title}\n\n${figures.noteOf(name)}\n\n${tableOf(figures, name)}`)
    .join("\n\n");
}

function tableOf(figures: Figures, name: TableName): string {
  const { hasFirst, against } = TABLES[name] as Table;
  const rows = figures.rowsOf(name);
  const variants = [...new Set(rows.map(({ variant }) => variant))];
  const sorted = variants.flatMap((variant) =>
    rows.filter((row) => row.variant === variant).toSorted((a, b) => median(a.last) - median(b.last)),
  );
  const cells = sorted.map((row) => {
    const { variant, first, last } = row;
    const of = (way: string): number => figures.medianOf(`${name}/${variant} ${way}`);
    const other = of(against.way);
    return [
      `${hasFirst ? `${variant} ${variant === "1" ? "pod" : "pods"}` : variant}: ${wayName(row)}`,
      String(last.length),
      ...(hasFirst ? [formatNumber(median(first))] : []),
      formatNumber(median(last)),
      formatNumber(quantile(last, 0.95)),
      ratio(median(last), of("floor")),
      against.inverse ? ratio(other, median(last)) : ratio(median(last), other),
    ];
  });
  const times = hasFirst ? ["first", "last", "last p95"] : ["ms", "p95"];
  return table(["", "n", ...times, "of the floor", against.head], cells);
}

/** The verdicts as a Markdown table. */
export function verdictsAsText(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ goal, way, value }) => {
    const state = value === undefined ? "not measured" : value <= goal.atMost ? "met" : "missed";
    return [goal.what, way, share(goal.atMost), value === undefined ? "-" : share(value), state];
  });
  return table(["goal", "way", "at most", "measured", "verdict"], rows, 2);
}

/** `1/22` below a half, else `1.07x`. */
function share(value: number): string {
  return value < 0.5 ? `1/${formatNumber(1 / value)}` : `${formatNumber(value)}x`;
}
