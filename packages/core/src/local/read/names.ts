import { isUtf8 } from "node:buffer";
import { readdirSync, readlinkSync } from "node:fs";

/** Node's replacement for bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** Names in a folder, unsorted: those that are valid UTF-8, and the others. */
export interface Names {
  readonly names: readonly string[];
  /** With replacement characters. */
  readonly undecodable: readonly string[];
}

/** Lists a folder. Throws the system's error. */
export function readNames(directory: string): Names {
  const names = readdirSync(directory);
  if (!names.some(isSuspicious)) return { names, undecodable: [] };
  // A name may contain the replacement character itself, so the bytes decide.
  const good: string[] = [];
  const bad: string[] = [];
  for (const name of readdirSync(directory, { encoding: "buffer" })) {
    const text = name.toString("utf8");
    (isUtf8(name) && text.isWellFormed() ? good : bad).push(text);
  }
  return { names: good, undecodable: bad };
}

/** Target of a link, with `/` on every platform; `undefined` if it is not valid UTF-8. Throws the system's error. */
export function readLinkTarget(path: string): string | undefined {
  const target = readlinkSync(path, { encoding: "buffer" });
  if (!isUtf8(target)) return undefined;
  const text = target.toString("utf8");
  return process.platform === "win32" ? text.replaceAll("\\", "/") : text;
}

function isSuspicious(name: string): boolean {
  return name.includes(REPLACEMENT) || !name.isWellFormed();
}
