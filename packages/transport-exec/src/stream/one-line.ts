import { cleanText } from "@kinsync/core/contract";

/**
 * Text of a container or a server as one line that is safe to print. A longer text keeps its beginning and its end, because tools name
 * the path first and the reason last.
 * @param max characters. Default: 300
 */
export function oneLine(text: string, max = 300): string {
  const line = cleanText(text).replaceAll(/\s+/g, " ").trim();
  if (line.length <= max) return line;
  const tail = Math.floor(max / 3);
  return `${line.slice(0, max - tail - 1)}…${line.slice(-tail)}`;
}
