import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, run } from "./pack.ts";

export interface Release {
  readonly version: string;
  /** SHA-256 of the archive, in hex. */
  readonly sha256: string;
}

/** Version of the command line, which is that of a release. */
export function releaseVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, "packages/cli/package.json"), "utf8")) as { version: string }).version;
}

/**
 * Writes `kinsync-VERSION.tar.gz` into `out`: kinsync with all that it depends on, but Node.js. It holds no links, which Krew does not
 * unpack. @returns version and digest
 */
export function buildArchive(tarballs: readonly string[], out: string): Release {
  const version = releaseVersion();
  const archive = join(out, `kinsync-${version}.tar.gz`);
  const folder = mkdtempSync(join(tmpdir(), "kinsync-archive-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "kinsync-release", private: true }));
    const flags = ["--omit=dev", "--no-bin-links", "--ignore-scripts", "--no-package-lock", "--loglevel=error"];
    run("npm", ["install", ...flags, ...tarballs], folder);
    rmSync(join(folder, "node_modules/.package-lock.json"), { force: true });
    // Its dependencies are paths of this machine.
    rmSync(join(folder, "package.json"));
    cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
    cpSync(join(ROOT, "packages/cli/README.md"), join(folder, "README.md"));
    cpSync(join(ROOT, "packaging/kinsync.sh"), join(folder, "kinsync"));
    mkdirSync(out, { recursive: true });
    run("tar", ["-czf", archive, "LICENSE", "README.md", "kinsync", "node_modules"], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { version, sha256: createHash("sha256").update(readFileSync(archive)).digest("hex") };
}

/** The Krew manifest or Homebrew formula of a release, from its template. */
export function fillTemplate(template: string, release: Release): string {
  return template
    .replace(/^# Template.*\n/, "")
    .replaceAll("{{version}}", release.version)
    .replaceAll("{{sha256}}", release.sha256);
}
