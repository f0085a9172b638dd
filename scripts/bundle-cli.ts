// Bundles kinsync's own modules for the program `kinsync`: Node needs about 1 ms for each file that it loads, and there are hundreds.
// Packages of others stay as they are installed, and so does what is loaded as a program of its own.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";

const PACKAGES = join(import.meta.dirname, "..", "packages");
const CLI = join(PACKAGES, "cli");
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
const { output } = await bundle.write({ dir: FOLDER, format: "esm", sourcemap: false });
await bundle.close();
const files = new Set(output.map(({ fileName }) => fileName));
const imports = output.flatMap((each) => (each.type === "chunk" ? [...each.imports, ...each.dynamicImports] : []));
checkDependencies(new Set(imports.filter((id) => !files.has(id) && !isBuiltin(id)).map(packageOf)));

/**
 * The bundle imports packages of others from its own folder, so the program has to depend on them itself: npm and pnpm may install them below
 * the package whose modules are in the bundle, where it does not find them. Both have to name the same versions.
 */
function checkDependencies(imported: ReadonlySet<string>): void {
  const program = dependenciesOf("cli");
  const missing = [...imported].filter((name) => program[name] === undefined);
  if (missing.length > 0)
    throw new Error(`add to packages/cli/package.json what the bundle imports: ${missing.join(", ")}`);
  for (const own of readdirSync(PACKAGES)) {
    for (const [name, version] of Object.entries(dependenciesOf(own))) {
      if (imported.has(name) && version !== program[name]) {
        throw new Error(`packages/${own} and packages/cli have to depend on the same versions of ${name}`);
      }
    }
  }
}

function dependenciesOf(own: string): Readonly<Record<string, string>> {
  const manifest: unknown = JSON.parse(readFileSync(join(PACKAGES, own, "package.json"), "utf8"));
  return (manifest as { readonly dependencies?: Readonly<Record<string, string>> }).dependencies ?? {};
}

/** The package of a path in it. */
function packageOf(id: string): string {
  return id.split("/", id.startsWith("@") ? 2 : 1).join("/");
}
