import sliceAnsi from "slice-ansi";

/** The text, cut to a width in columns with an ellipsis. Wide characters take two columns. */
export function cut(text: string, width: number): string {
  return sliceAnsi(text, 0, width) === text ? text : `${sliceAnsi(text, 0, Math.max(0, width - 1))}…`;
}
