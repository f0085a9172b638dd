// Figures and how they are shown. All times are milliseconds.

/** What was measured of one thing, time after time. */
export type Samples = readonly number[];

/** The value below which a share of the samples lies; the nearest one, none is made up. */
export function quantile(samples: Samples, share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(samples: Samples): number {
  return quantile(samples, 0.5);
}

/** Three digits that count: 0.42, 4.2, 42, 4,200. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** One figure as a multiple of another, such as `0.05x`. */
export function ratio(value: number, of: number): string {
  return `${shown(value / of)}x`;
}

/** A table in Markdown: what is printed can be pasted. The first `texts` columns are text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const widths = head.map((cell, column) => Math.max(cell.length, 3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? "", width, column < texts)).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column < texts ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

function pad(text: string, width: number, isText: boolean): string {
  return isText ? text.padEnd(width) : text.padStart(width);
}

/** A goal, and whether this run met it. */
export function verdict(what: string, value: number, limit: number, show: (value: number) => string = shown): string {
  return `${value <= limit ? "met   " : "missed"}  ${what}: ${show(value)}, goal <= ${show(limit)}`;
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Something that goes on for long: on the terminal alone, so that the output stays a report. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}
