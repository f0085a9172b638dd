import { readFileSync } from "node:fs";

/** Version of this package, from its package.json, which is one folder up from `src` as from `dist`. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
