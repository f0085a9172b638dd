import { KinsyncError } from "../errors/error.ts";
import type { MappingConfig } from "../contract/config.ts";

/**
 * Parses `FROM:TO` of `--sync`. The last colon separates, so `C:\src:/app` and a local path with a colon are right;
 * a container path with a colon needs a config file.
 * Throws `KINSYNC_USAGE` with what is missing.
 */
export function parseMappingFlag(text: string): Pick<MappingConfig, "from" | "to"> {
  const at = text.lastIndexOf(":");
  const from = at === -1 ? text : text.slice(0, at);
  const to = at === -1 ? "" : text.slice(at + 1);
  const onlyDrive = /^[A-Za-z]$/.test(from) && /^[\\/]/.test(to);
  if (text.trim() === "") throw usage(text, "is empty");
  // `C:\src` alone is a local path. `c:/app` may be a folder `c`; nobody means that on Windows, and `./c:/app` says it.
  if (at === -1 || (onlyDrive && (to.startsWith("\\") || process.platform === "win32"))) {
    throw usage(text, `names no path in the container: it has to be FROM:TO`, `${text}:/app/src`);
  }
  if (from === "") throw usage(text, "names no local path: it has to be FROM:TO", `src:${to}`);
  if (to === "") throw usage(text, "names no path in the container: it has to be FROM:TO", `${from}:/app/src`);
  return { from, to };
}

function usage(text: string, what: string, example = "src:/app/src"): KinsyncError {
  return new KinsyncError("KINSYNC_USAGE", `--sync ${JSON.stringify(text)} ${what}`, {
    hint: `For example: --sync ${example}`,
    details: { value: text },
  });
}
