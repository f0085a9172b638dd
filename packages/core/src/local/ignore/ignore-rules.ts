import ignore, { type Ignore } from "ignore";
import type { SourceSpec } from "../source.ts";
import { anchorPattern } from "./anchored-pattern.ts";
import { DEFAULT_IGNORES } from "./default-ignores.ts";
import { DockerRules } from "./docker-rules.ts";

/** Name of a file that rules are read from. */
export type IgnoreFileName = SourceSpec["ignoreFiles"][number];

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
