import ignore, { type Ignore } from "ignore";
import type { SourceSpec } from "./source.ts";

/** Name of a file that rules are read from. */
export type IgnoreFileName = SourceSpec["ignoreFiles"][number];

/** Files that do not belong in a container. They come first, so that a mapping's `ignore` can include each of them again (`!`). */
export const DEFAULT_IGNORES: readonly string[] = [
  // Repositories and installed packages: large, and built for another platform than the container's.
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  ".venv",
  "__pycache__",
  "*.pyc",
  "*.pyo",
  // Desktops.
  ".DS_Store",
  "Thumbs.db",
  // vim (it creates 4913 to test whether it can write), emacs, nano.
  "*.swp",
  "*.swo",
  "*.swx",
  "*~",
  "4913",
  ".#*",
  "\\#*#",
  // JetBrains, kate, gedit, Sublime Text.
  "*___jb_tmp___",
  "*___jb_old___",
  ".*.kate-swp",
  ".goutputstream-*",
  ".subl*.tmp",
];

/** kinsync's own state directory: no rule can include it. */
const STATE_DIRECTORY = ".kinsync";

/** After this many paths the matchers are replaced: they store every path that they were given. */
const PATHS_PER_MATCHER = 500_000;

/** The rules of one file. */
interface Layer {
  readonly directory: string;
  readonly text: string;
}

/** Where the rules come from: see `IgnoreRules.for`. */
type RuleSpec = Pick<SourceSpec, "ignore" | "ignoreDefaults" | "ignoreFiles">;

/**
 * The ignore rules of one mapping. Immutable, so that a state keeps the rules that it was made with.
 *
 * In rising order: the defaults, `.gitignore` files from the root down, the mapping's own `ignore`. The last rule that matches
 * decides, and no rule can include a path below an ignored folder, as in git. `.dockerignore` is read at the root only, as by
 * Docker, and by Docker's rules: patterns start at the root, and `!` works below an ignored folder too. The other rules cannot
 * include a path that it ignores.
 */
export class IgnoreRules {
  readonly #spec: RuleSpec;
  readonly #git: ReadonlyMap<string, string>;
  readonly #docker: DockerRules | undefined;
  /** Matchers by folder: a folder without a file of its own shares its parent's. */
  readonly #matchers = new Map<string, Ignore>();
  #tested = 0;

  private constructor(spec: RuleSpec, git: ReadonlyMap<string, string>, docker: DockerRules | undefined) {
    this.#spec = spec;
    this.#git = git;
    this.#docker = docker;
  }

  /** Rules of a mapping before any file was read. */
  static for(spec: RuleSpec): IgnoreRules {
    return new IgnoreRules(spec, new Map(), undefined);
  }

  /** Whether a file with this name in this folder contains rules. */
  isRuleFile(directory: string, name: string): name is IgnoreFileName {
    if (name !== ".gitignore" && name !== ".dockerignore") return false;
    return this.#spec.ignoreFiles.includes(name) && (name === ".gitignore" || directory === "");
  }

  /**
   * The rules with one file's text added, replaced or (`undefined`) removed.
   * @param directory of the file, relative to the root; the root is the empty path
   * @returns these rules if nothing changes
   */
  with(directory: string, name: IgnoreFileName, text: string | undefined): IgnoreRules {
    if (name === ".dockerignore") {
      if (this.#docker?.text === text) return this;
      return new IgnoreRules(this.#spec, this.#git, text === undefined ? undefined : new DockerRules(text));
    }
    if (this.#git.get(directory) === text) return this;
    const git = new Map(this.#git);
    if (text === undefined) git.delete(directory);
    else git.set(directory, text);
    return new IgnoreRules(this.#spec, git, this.#docker);
  }

  /** The text of a file in these rules. */
  textOf(directory: string, name: IgnoreFileName): string | undefined {
    return name === ".gitignore" ? this.#git.get(directory) : this.#docker?.text;
  }

  /** The rules without the files in a folder and below it; these rules if there are none. */
  without(directory: string): IgnoreRules {
    const prefix = directory === "" ? "" : `${directory}/`;
    const git = new Map([...this.#git].filter(([at]) => at !== directory && !at.startsWith(prefix)));
    const docker = directory === "" ? undefined : this.#docker;
    if (git.size === this.#git.size && docker === this.#docker) return this;
    return new IgnoreRules(this.#spec, git, docker);
  }

  /**
   * Whether a path, or a folder above it, is ignored.
   * @param path relative to the root, POSIX; the root itself is never ignored
   */
  ignores(path: string, isDirectory: boolean): boolean {
    if (path === "") return false;
    if (++this.#tested % PATHS_PER_MATCHER === 0) this.#matchers.clear();
    if (
      path === STATE_DIRECTORY ||
      path.startsWith(`${STATE_DIRECTORY}/`) ||
      path.endsWith(`/${STATE_DIRECTORY}`) ||
      path.includes(`/${STATE_DIRECTORY}/`)
    ) {
      return true;
    }
    const slash = path.lastIndexOf("/");
    if (this.#matcher(slash === -1 ? "" : path.slice(0, slash)).ignores(isDirectory ? `${path}/` : path)) return true;
    return this.#docker?.ignores(path, isDirectory) ?? false;
  }

  #matcher(directory: string): Ignore {
    let matcher = this.#matchers.get(directory);
    if (matcher !== undefined) return matcher;
    const slash = directory.lastIndexOf("/");
    if (directory !== "" && !this.#git.has(directory)) {
      matcher = this.#matcher(slash === -1 ? "" : directory.slice(0, slash));
    } else {
      // As git does (core.ignorecase): case-sensitive on Linux only, as the file systems are.
      matcher = ignore({ ignorecase: process.platform === "win32" || process.platform === "darwin" });
      if (this.#spec.ignoreDefaults) matcher.add(DEFAULT_IGNORES);
      for (const layer of this.#layersOf(directory)) {
        for (const line of layer.text.split(/\r?\n/)) {
          const pattern = anchorPattern(line, layer.directory);
          if (pattern !== undefined) matcher.add({ pattern });
        }
      }
      matcher.add(this.#spec.ignore);
    }
    this.#matchers.set(directory, matcher);
    return matcher;
  }

  /** Files whose rules apply in a folder: its own and those above it, from the root down. */
  #layersOf(directory: string): Layer[] {
    const layers: Layer[] = [];
    for (const [at, text] of this.#git) {
      if (at === "" || at === directory || directory.startsWith(`${at}/`)) layers.push({ directory: at, text });
    }
    return layers.sort((a, b) => a.directory.length - b.directory.length);
  }
}

/**
 * One line of an ignore file in a folder, as a pattern from the root that means the same.
 * @returns `undefined` for blank lines and comments
 */
export function anchorPattern(line: string, directory: string): string | undefined {
  const text = line.startsWith("\ufeff") ? line.slice(1) : line;
  if (text.trim() === "" || text.startsWith("#")) return undefined;
  if (directory === "") return text;
  const negative = text.startsWith("!");
  const body = negative ? text.slice(1) : text;
  // A lone `!` or `/` matches nothing in git. With the folder in front it would match everything.
  if (body.trim() === "" || body.trim() === "/") return undefined;
  const folder = directory.replaceAll(/[\\*?[\]!# ]/g, "\\$&");
  const slash = body.indexOf("/");
  // A slash anywhere but at the end anchors a pattern to the folder of its file; without one it matches at every depth below.
  const isAnchored = slash !== -1 && slash < body.trimEnd().length - 1;
  return `${negative ? "!" : ""}${folder}/${isAnchored ? (slash === 0 ? body.slice(1) : body) : `**/${body}`}`;
}

/** `.dockerignore`: the last pattern that matches the path or a folder above it decides. */
class DockerRules {
  readonly text: string;
  readonly #rules: readonly { readonly negative: boolean; readonly pattern: string; readonly matcher: Ignore }[];

  constructor(text: string) {
    this.text = text;
    this.#rules = text.split(/\r?\n/).flatMap((line, index) => {
      const body = (index === 0 && line.startsWith("\ufeff") ? line.slice(1) : line).trim();
      if (body === "" || body.startsWith("#")) return [];
      const negative = body.startsWith("!");
      const pattern = (negative ? body.slice(1) : body)
        .trim()
        .replace(/^(\.?\/+)+/, "")
        .replace(/\/+$/, "");
      if (pattern === "" || pattern === ".") return [];
      return [{ negative, pattern, matcher: ignore({ ignorecase: false }).add({ pattern: `/${pattern}` }) }];
    });
  }

  ignores(path: string, isDirectory: boolean): boolean {
    let ignored = false;
    for (const { negative, matcher } of this.#rules) {
      if (ignored === negative && matcher.ignores(isDirectory ? `${path}/` : path)) ignored = !negative;
    }
    // A folder that may contain an included path must be scanned.
    return ignored && !(isDirectory && this.#rules.some((rule) => rule.negative && mayMatchBelow(rule.pattern, path)));
  }
}

function mayMatchBelow(pattern: string, directory: string): boolean {
  const segments = pattern.split("/");
  const folders = directory.split("/");
  for (const [index, folder] of folders.entries()) {
    const segment = segments[index];
    if (segment === undefined) return false;
    if (/[*?[\\]/.test(segment)) return true;
    if (segment !== folder) return false;
  }
  return segments.length > folders.length;
}
