// Renders the colored output of a program as an SVG picture of a terminal in which each line appears at its recorded time.

/** A line of output with its ANSI colors, and when it was printed. */
export interface RecordedLine {
  readonly text: string;
  /** Milliseconds since the start of the program. */
  readonly at: number;
}

interface Style {
  readonly bold: boolean;
  readonly dim: boolean;
  readonly color: string | undefined;
}

interface Span {
  readonly text: string;
  readonly style: Style;
}

const PLAIN: Style = { bold: false, dim: false, color: undefined };
const COLORS: Readonly<Record<number, string>> = {
  31: "#f47067",
  32: "#57ab5a",
  33: "#c69026",
  34: "#539bf5",
  35: "#b083f0",
  36: "#39c5cf",
};

const CELL_WIDTH_PX = 8.4;
const LINE_HEIGHT_PX = 20;
const PADDING_PX = 18;
const TITLE_HEIGHT_PX = 34;
const FADE_MS = 150;
const FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** The style after an SGR escape sequence. Throws for a code that the picture cannot show. */
function applySgr(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, color: undefined };
  const color = COLORS[code];
  if (color === undefined) throw new Error(`the picture has no style for the ANSI code ${code}`);
  return { ...style, color };
}

/** Splits a line at its ANSI escape sequences. */
export function parseAnsi(line: string): readonly Span[] {
  const spans: Span[] = [];
  let style = PLAIN;
  for (const [index, part] of line.split(/\x1b\[([\d;]*)m/).entries()) {
    if (index % 2 === 1) for (const code of part.split(";")) style = applySgr(style, Number(code));
    else if (part !== "") spans.push({ text: part, style });
  }
  return spans;
}

/** Breaks spans at blanks into rows of at most `columns` characters; further rows keep the indentation of the first. */
function wrap(spans: readonly Span[], columns: number): readonly (readonly Span[])[] {
  const indent = /^ */.exec(spans[0]?.text ?? "")?.[0] ?? "";
  const rows: Span[][] = [[]];
  let width = 0;
  for (const { text, style } of spans) {
    for (const word of text.split(/(?<= )(?=[^ ])/)) {
      if (width > indent.length && width + word.trimEnd().length > columns) {
        rows.push([{ text: indent, style: PLAIN }]);
        width = indent.length;
      }
      rows.at(-1)?.push({ text: word, style });
      width += word.length;
    }
  }
  return rows;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Joins neighbours of equal style, and drops blanks at the end of a row. */
function merge(row: readonly Span[]): readonly Span[] {
  const merged: Span[] = [];
  for (const span of row) {
    const last = merged.at(-1);
    if (last !== undefined && JSON.stringify(last.style) === JSON.stringify(span.style)) {
      merged[merged.length - 1] = { style: last.style, text: last.text + span.text };
    } else merged.push(span);
  }
  return merged;
}

/**
 * Each run of words is placed at its column and stretched to the width of its cells, so that columns align whatever monospaced font
 * the viewer has.
 */
function renderRow(row: readonly Span[], y: number): string {
  let column = 0;
  const parts: string[] = [];
  for (const { text, style } of merge(row)) {
    for (const { 0: words, index } of text.matchAll(/[^ ]+(?: [^ ]+)*/g)) {
      const attributes = [
        `x="${(PADDING_PX + (column + index) * CELL_WIDTH_PX).toFixed(1)}" y="${y}"`,
        `textLength="${(words.length * CELL_WIDTH_PX).toFixed(1)}"`,
        ...(style.bold ? [`font-weight="bold"`] : []),
        ...(style.dim ? [`opacity="0.6"`] : []),
        ...(style.color === undefined ? [] : [`fill="${style.color}"`]),
      ];
      parts.push(`<text ${attributes.join(" ")}>${escapeXml(words)}</text>`);
    }
    column += text.length;
  }
  return parts.join("");
}

/** The picture. A viewer without animations shows all lines at once. */
export function terminalSvg(options: {
  readonly title: string;
  readonly lines: readonly RecordedLine[];
  readonly columns: number;
}): string {
  const rows = options.lines.flatMap(({ text, at }) =>
    wrap(parseAnsi(text), options.columns).map((row) => ({ row, at })),
  );
  const width = Math.round(options.columns * CELL_WIDTH_PX + 2 * PADDING_PX);
  const height = TITLE_HEIGHT_PX + rows.length * LINE_HEIGHT_PX + PADDING_PX;
  const groups = rows.map(({ row, at }, index) => {
    const y = TITLE_HEIGHT_PX + index * LINE_HEIGHT_PX + 15;
    return `<g class="row" style="animation-delay:${Math.round(at)}ms">${renderRow(row, y)}</g>`;
  });
  const dots = ["#f47067", "#c69026", "#57ab5a"].map(
    (fill, index) => `<circle cx="${20 + index * 18}" cy="17" r="5.5" fill="${fill}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(options.title)}</title>`,
    "<style>",
    `.row{animation:appear ${FADE_MS}ms backwards}`,
    "@keyframes appear{from{opacity:0}}",
    "@media (prefers-reduced-motion:reduce){.row{animation:none}}",
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="#1c2128"/>`,
    ...dots,
    `<g font-family="${FONTS}" font-size="14" fill="#d1d9e0">`,
    `<text x="${width / 2}" y="22" text-anchor="middle" opacity="0.6">${escapeXml(options.title)}</text>`,
    ...groups,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}
