// node scripts/release-files.ts FOLDER: writes what a GitHub release has: the archive, the Krew manifest, the Homebrew formula. The
// packages must be built.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { packAll, packagesOfUser, ROOT } from "./pack.ts";
import { buildArchive, fillTemplate } from "./release-archive.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node scripts/release-files.ts FOLDER");
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const packed = mkdtempSync(join(tmpdir(), "kinsync-release-"));
try {
  const release = buildArchive(packagesOfUser(packAll(packed)), out);
  for (const [template, name] of [
    ["krew.yaml", "kinsync.yaml"],
    ["homebrew.rb", "kinsync.rb"],
  ] as const) {
    writeFileSync(join(out, name), fillTemplate(readFileSync(join(ROOT, "packaging", template), "utf8"), release));
  }
} finally {
  rmSync(packed, { recursive: true, force: true });
}
