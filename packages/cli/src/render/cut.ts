import sliceAnsi from "slice-ansi";

/** The text, cut to a width in columns with an ellipsis at its end. Wide characters take two columns. */
export function cut(text: string, width: number): string {
  const part = sliceAnsi(text, 0, width);
  return part === text ? text : `${sliceAnsi(text, 0, Math.max(0, width - 1)).trimEnd()}…`;
}
