import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** By the name of the package: the program `kinsync` has this module in a bundle of its own. */
const PACKAGE = pathToFileURL(createRequire(import.meta.url).resolve("@kinsync/core/package.json"));
const FOLDER = new URL("programs/", PACKAGE);
const texts = new Map<string, string>();

/** The text of a shell program that runs in containers, without comments. */
export function programText(name: "once" | "request" | "signal"): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`${name}.sh`, FOLDER), "utf8").replaceAll(/^\s*#.*\n/gm, "");
    texts.set(name, text);
  }
  return text;
}

/** The text of `kinsync wrapper`: a POSIX shell program that starts the command of a container and restarts it on request. */
export function wrapperText(): string {
  return readFileSync(new URL("wrapper.sh", FOLDER), "utf8");
}
