// Figures and their format. All times are milliseconds.
import { markdownTable } from "markdown-table";

/** Repeated measurements of the same quantity. */
export type Samples = readonly number[];

/** The sample below which a share of the samples lies; not interpolated. */
export function quantile(samples: Samples, share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(samples: Samples): number {
  return quantile(samples, 0.5);
}

/** Three significant digits: 0.42, 4.20, 42.0, 4,200. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** One figure as a multiple of another, such as `0.05x`. */
export function ratio(value: number, of: number): string {
  return `${formatNumber(value / of)}x`;
}

/** Narrower columns would be widened by the formatter of the repository. */
const MIN_COLUMN_WIDTH = 3;

/** A table in Markdown. The first `texts` columns are text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const isText = (column: number): boolean => column < texts;
  const padded = head.map((cell, column) =>
    isText(column) ? cell.padEnd(MIN_COLUMN_WIDTH) : cell.padStart(MIN_COLUMN_WIDTH),
  );
  return markdownTable([padded, ...rows], { align: head.map((_, column) => (isText(column) ? null : "right")) });
}

/** A line with a goal and whether this run met it. */
export function verdict(
  what: string,
  value: number,
  limit: number,
  format: (value: number) => string = formatNumber,
): string {
  return `${value <= limit ? "met   " : "missed"}  ${what}: ${format(value)}, goal <= ${format(limit)}`;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress, on a terminal only: the output is a report. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}
