// kinsync is developed on the Node that the npm package `node` installs: its version is in package-lock.json, and so in the key of
// every cached result. If the package's install script was blocked, scripts silently run on the machine's own Node; this check stops them.
import { readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync(new URL("../node_modules/node/package.json", import.meta.url), "utf8"));
if (process.versions.node !== version) {
  console.error(
    `kinsync is developed on Node ${version}, but this script runs on ${process.versions.node}.\n` +
      "The npm package `node` installs it: run `npm ci` without --ignore-scripts, and start this script with `npm run`.",
  );
  process.exitCode = 1;
}
