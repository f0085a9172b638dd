// Bundles kinsync's own modules for the program `kinsync`: Node needs about 1 ms for each file that it loads, and there are hundreds.
// Packages of others stay as they are installed, and so does what is loaded as a program of its own.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const CLI = join(import.meta.dirname, "..", "packages", "cli");
const FOLDER = join(CLI, "dist", "bundle");
/** Own packages that the program may load; the playground and the conformance kits find files beside themselves. */
const OWN = /^@kinsync\/(?!playground$|core\/testing$)/;

rmSync(FOLDER, { recursive: true, force: true });
const bundle = await rolldown({
  input: { process: join(CLI, "dist", "process.js") },
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !OWN.test(id),
  logLevel: "warn",
});
await bundle.write({ dir: FOLDER, format: "esm", sourcemap: false });
await bundle.close();
