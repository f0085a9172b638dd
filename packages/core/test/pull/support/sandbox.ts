import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A local folder `to` in a folder with files around it that no pull may touch. */
export interface Sandbox extends Disposable {
  readonly base: string;
  readonly to: string;
  /** Everything but what is in `to`: path, type, mode, content. */
  outside(): readonly string[];
  /** What is in `to`. */
  inside(): readonly string[];
}

export function createSandbox(): Sandbox {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-pull-")));
  const to = join(base, "home", "to");
  mkdirSync(join(base, "home", "beside"), { recursive: true });
  mkdirSync(to);
  for (const path of ["sentinel", "home/sentinel", "home/beside/sentinel", "home/beside/a"]) {
    writeFileSync(join(base, path), `keep ${path}`);
  }
  return {
    base,
    to,
    outside: () => listOf(base, "", "home/to"),
    inside: () => listOf(to, "", undefined),
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}

function listOf(base: string, folder: string, skipped: string | undefined): readonly string[] {
  return readdirSync(join(base, folder))
    .toSorted()
    .flatMap((name): readonly string[] => {
      const path = folder === "" ? name : `${folder}/${name}`;
      const at = join(base, path);
      const stats = lstatSync(at);
      if (stats.isSymbolicLink()) return [`${path} -> ${readlinkSync(at)}`];
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isDirectory())
        return path === skipped ? [`${path}/`] : [`${path}/ ${mode}`, ...listOf(base, path, skipped)];
      return [`${path} ${mode} ${stats.nlink} ${readFileSync(at, "latin1").slice(0, 100)}`];
    });
}
