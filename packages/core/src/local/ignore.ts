import ignore, { type Ignore } from "ignore";
import type { SourceSpec } from "./source.ts";

/** Name of a file that rules are read from. */
export type IgnoreFileName = SourceSpec["ignoreFiles"][number];

/** What nobody wants in a container. First in the order of rules, so that a mapping's `ignore` can take back each of them. */
export const DEFAULT_IGNORES: readonly string[] = [
  // Repositories and installed packages: large, and of another platform than the container.
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
  // vim (4913 is the file by which it tries whether it may write), emacs, nano.
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

/** kinsync's own state directory: ignored whatever the rules say. */
const ALWAYS = ".kinsync";

/** Questions after which what the matchers remember is thrown away. */
const FORGET_AFTER = 500_000;

/** How a file's rules come to be asked. */
interface Layer {
  readonly directory: string;
  readonly text: string;
}

/** Where the rules come from: see `IgnoreRules.for`. */
type RuleSpec = Pick<SourceSpec, "ignore" | "ignoreDefaults" | "ignoreFiles">;

/**
 * The ignore rules of one mapping; immutable, so that a state can hold on to those that it was made with.
 *
 * In rising order: the defaults, `.gitignore` files from the root down, the mapping's own `ignore`; the last rule that matches
 * decides, and nothing below an ignored folder can be taken back, as in git. `.dockerignore` is read at the root only, where
 * Docker reads it, and by Docker's rules: patterns start at the root, and `!` takes back also below an ignored folder. What it
 * ignores, the other rules cannot take back.
 */
export class IgnoreRules {
  readonly #spec: RuleSpec;
  readonly #git: ReadonlyMap<string, string>;
  readonly #docker: DockerRules | undefined;
  /** Matchers by folder: a folder without a file of its own shares its parent's. */
  readonly #matchers = new Map<string, Ignore>();
  #asked = 0;

  private constructor(spec: RuleSpec, git: ReadonlyMap<string, string>, docker: DockerRules | undefined) {
    this.#spec = spec;
    this.#git = git;
    this.#docker = docker;
  }

  /** Rules of a mapping before any file was read. */
  static for(spec: RuleSpec): IgnoreRules {
    return new IgnoreRules(spec, new Map(), undefined);
  }

  /** Whether a name in this folder is that of a file with rules. */
  isRuleFile(directory: string, name: string): name is IgnoreFileName {
    if (name !== ".gitignore" && name !== ".dockerignore") return false;
    return this.#spec.ignoreFiles.includes(name) && (name === ".gitignore" || directory === "");
  }

  /**
   * The rules with one file's text put in, replaced, or (`undefined`) taken out.
   * @param directory of the file, relative to the root; the root is the empty path
   * @returns these rules where nothing changes
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

  /** A file's text as it is in these rules. */
  textOf(directory: string, name: IgnoreFileName): string | undefined {
    return name === ".gitignore" ? this.#git.get(directory) : this.#docker?.text;
  }

  /** The rules without the files in a folder and below it; these rules where there are none. */
  without(directory: string): IgnoreRules {
    const prefix = directory === "" ? "" : `${directory}/`;
    const git = new Map([...this.#git].filter(([at]) => at !== directory && !at.startsWith(prefix)));
    const docker = directory === "" ? undefined : this.#docker;
    if (git.size === this.#git.size && docker === this.#docker) return this;
    return new IgnoreRules(this.#spec, git, docker);
  }

  /**
   * Whether a path is ignored, by itself or with a folder above it.
   * @param path relative to the root, POSIX; the root itself is never ignored
   */
  ignores(path: string, isDirectory: boolean): boolean {
    if (path === "") return false;
    // The matchers remember every path that they were asked for.
    if (++this.#asked % FORGET_AFTER === 0) this.#matchers.clear();
    if (
      path === ALWAYS ||
      path.startsWith(`${ALWAYS}/`) ||
      path.endsWith(`/${ALWAYS}`) ||
      path.includes(`/${ALWAYS}/`)
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
      // Git asks case-sensitively on Linux and not on the others (core.ignorecase): the same as their file systems.
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

  /** Files that speak of what is in a folder: its own and those above it, from the root down. */
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
  // A lone `!` or `/` means nothing, and must not come to mean everything.
  if (body.trim() === "" || body.trim() === "/") return undefined;
  const folder = directory.replaceAll(/[\\*?[\]!# ]/g, "\\$&");
  const slash = body.indexOf("/");
  // A slash anywhere but at the end ties a pattern to the folder of its file; without one it holds at every depth below.
  const tied = slash !== -1 && slash < body.trimEnd().length - 1;
  return `${negative ? "!" : ""}${folder}/${tied ? (slash === 0 ? body.slice(1) : body) : `**/${body}`}`;
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
    // A folder that holds, or may hold, something that is taken back has to be entered.
    return ignored && !(isDirectory && this.#rules.some((rule) => rule.negative && mayMatchBelow(rule.pattern, path)));
  }
}

function mayMatchBelow(pattern: string, directory: string): boolean {
  const wanted = pattern.split("/");
  const folders = directory.split("/");
  for (const [index, folder] of folders.entries()) {
    const segment = wanted[index];
    if (segment === undefined) return false;
    if (/[*?[\\]/.test(segment)) return true;
    if (segment !== folder) return false;
  }
  return wanted.length > folders.length;
}
