// The one place where text of a cluster, a container or a config is made fit for a terminal or a log.

const ESCAPES =
  /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[PX^_][^\u001B]*(?:\u001B\\)?|[ -/]*[0-~])/g;
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u061C\u2028-\u202E\u2066-\u2069]/g;
/** Nearly all text has none of them: one look is enough. */
const CONTROL = new RegExp(CONTROLS.source);

/** Text without escape sequences, controls and bidi tricks. Line breaks and tabs stay. */
export function cleanLines(text: string): string {
  if (!CONTROL.test(text)) return text;
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(ESCAPES, "").replaceAll(CONTROLS, "");
}

/** The same as one line. */
export function clean(text: string): string {
  const lines = cleanLines(text).split("\n");
  return lines
    .map((line) => line.replaceAll("\t", " ").trim())
    .filter((line) => line !== "")
    .join(" ");
}

/** A copy of plain data with every string in it cleaned, for JSON. */
export function cleanData(data: unknown): unknown {
  if (typeof data === "string") return cleanLines(data);
  if (Array.isArray(data)) return data.map(cleanData);
  if (typeof data === "object" && data !== null) {
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [cleanLines(key), cleanData(value)]));
  }
  return data;
}
