// Checks what `npm create kinsync-plugin` writes, outside of the repository: each plugin is installed against the packed packages, compiled,
// tested with the packed kit, packed and linted; then a user's config loads all of them by name.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack, packagesOfUser, ROOT, run } from "./pack.ts";

/** Requirements that must be met at least: the kit runs, and is not skipped. */
const PLUGINS = [
  { type: "rules", flags: ["--kind", "Studio", "--group", "example.com"], name: "kinsync-kind-studio", least: 20 },
  {
    type: "kind",
    flags: ["--kind", "Package", "--group", "shop.example.com", "--api-version", "v1beta1"],
    name: "kinsync-kind-package",
    least: 20,
  },
  { type: "transport", flags: ["--name", "my-share"], name: "kinsync-transport-my-share", least: 25 },
] as const;

/**
 * @param folder where the plugins are generated
 * @param tarballs of the packed packages, by name
 */
export function checkGenerated(folder: string, tarballs: ReadonlyMap<string, string>): void {
  const author = project(join(folder, "generated"));
  run("npm", ["install", "--loglevel=error", "--no-save", tarballs.get("create-kinsync-plugin") ?? ""], author);
  const packed = PLUGINS.map(({ type, flags, name, least }) => {
    // As npm starts it, with the flags after `--`.
    run(join(author, "node_modules", ".bin", "create-kinsync-plugin"), [type, name, ...flags], author);
    const plugin = join(author, name);
    const needed = type === "rules" ? packagesOfUser(tarballs) : [tarballs.get("@kinsync/core") ?? ""];
    run("npm", ["install", "--loglevel=error", "--no-save", ...needed], plugin);
    const report = run("npm", ["test"], plugin);
    const passed = /\b(\d+) passed, 0 failed|^(?:#|ℹ) pass (\d+)$/m.exec(report)?.slice(1).join("") ?? "0";
    if (Number(passed) < least) throw new Error(`the kit checked too little of ${name}:\n${report}`);
    process.stdout.write(`    ${name}: ${passed} requirements are met\n`);
    if (type !== "rules") run("npm", ["run", "check"], plugin);
    const tarball = pack(plugin, folder);
    run("npx", ["publint", "--strict", tarball], ROOT);
    if (type !== "rules") run("npx", ["attw", tarball, "--profile", "esm-only", "--format", "ascii", "--quiet"], ROOT);
    return tarball;
  });
  checkUser(join(folder, "generated-user"), [...packagesOfUser(tarballs), ...packed]);
}

/** The packed plugins are loaded by the names of their packages. */
function checkUser(folder: string, tarballs: readonly string[]): void {
  const user = project(folder);
  run("npm", ["install", "--loglevel=error", "--no-save", ...tarballs], user);
  writeFileSync(
    join(user, "kinsync.config.yaml"),
    "kinds: [kinsync-kind-studio, kinsync-kind-package]\n" +
      "transports: [[kinsync-transport-my-share, { claims: {} }]]\n" +
      "workloads: [{ workload: studio/main, sync: [{ from: ., to: /data/src, transport: my-share }] }]\n",
  );
  const listed = run(join(user, "node_modules", ".bin", "kinsync"), ["kinds", "-o", "json"], user);
  const { kinds } = JSON.parse(listed) as { readonly kinds: readonly { readonly name: string }[] };
  const names = kinds.map(({ name }) => name);
  for (const name of ["studio", "package"]) {
    if (!names.includes(name)) throw new Error(`kinsync kinds does not list ${name}: ${listed}`);
  }
  run(join(user, "node_modules", ".bin", "kinsync"), ["config", "check"], user);
}

function project(folder: string): string {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  return folder;
}
