import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Version of this package, from its package.json, wherever below it this module is: in `src`, in `dist` or in a bundle. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const text = readFileSync(createRequire(import.meta.url).resolve("kinsync/package.json"), "utf8");
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
