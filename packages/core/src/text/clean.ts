// ESC sequences first, so that their letters go with them; then C0 (but tab and newline), DEL, C1, and the bidi controls.
const ESCAPES =
  /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[PX^_][^\u001B]*(?:\u001B\\)?|[ -/]*[0-~])/g;
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u061C\u2028-\u202E\u2066-\u2069]/g;
/** Nearly all text contains none of them, so one search is enough. */
const CONTROL = new RegExp(CONTROLS.source);

/** Text from a container or the API, made safe for a terminal or a log: no escape sequence, no control, no bidi trick is left in it. */
export function cleanText(text: string): string {
  if (!CONTROL.test(text)) return text;
  return text.replaceAll("\r\n", "\n").replaceAll(ESCAPES, "").replaceAll(CONTROLS, "");
}

/** Plain data with every string in it cleaned: a copy, or the data itself where there was nothing to clean. */
export function cleanData<Data>(data: Data): Data {
  if (typeof data === "string") return cleanText(data) as Data;
  if (typeof data !== "object" || data === null || isClean(data)) return data;
  if (Array.isArray(data)) return data.map((item: unknown) => cleanData(item)) as Data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, cleanData<unknown>(value)])) as Data;
}

function isClean(data: unknown): boolean {
  if (typeof data === "string") return !CONTROL.test(data);
  if (typeof data !== "object" || data === null) return true;
  if (Array.isArray(data)) return data.every(isClean);
  for (const key in data) if (!isClean((data as Readonly<Record<string, unknown>>)[key])) return false;
  return true;
}
