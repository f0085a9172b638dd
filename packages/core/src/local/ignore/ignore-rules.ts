import ignore, { type Ignore } from "ignore";
import type { SourceSpec } from "../source.ts";
import { anchorPattern } from "./anchored-pattern.ts";
import { DEFAULT_IGNORES, PROTECTED_NAMES } from "./default-ignores.ts";
import { DockerRules } from "./docker-rules.ts";
import { ExplicitIncludes } from "./explicit-includes.ts";
import { defaultOrigin, fileOrigin, mappingOrigin, type RuleLine, type RuleOrigin } from "./ignored-by.ts";
import { NO_OUTER_FILES, type OuterFile, type OuterFiles } from "./outer-files.ts";
import { outerPatterns } from "./outer-patterns.ts";

/** kinsync's own state directory: no rule can include it. */
const STATE_DIRECTORY = ".kinsync";

/** Present in each virtual environment of Python. */
export const ENVIRONMENT_FILE = "pyvenv.cfg";

/** After this many paths the matchers are replaced: they store every path that they were given. */
const PATHS_PER_MATCHER = 500_000;

/** The rules of one `.gitignore`. */
interface Layer {
  readonly directory: string;
  readonly text: string;
}

/** Where the rules come from: see `IgnoreRules.for`. */
type RuleSpec = Pick<SourceSpec, "ignore" | "ignoreDefaults" | "ignoreFiles">;

/** What was read from files. */
interface FileRules {
  /** Texts of `.gitignore` files by folder. */
  readonly git: ReadonlyMap<string, string>;
  /** Texts of `.dockerignore` files in the mapped folder, by name. */
  readonly docker: ReadonlyMap<string, DockerRules>;
  readonly outer: OuterFiles;
  /** Folders that are virtual environments. */
  readonly environments: ReadonlySet<string>;
}

const NO_FILES: FileRules = { git: new Map(), docker: new Map(), outer: NO_OUTER_FILES, environments: new Set() };

/**
 * The ignore rules of one mapping. Immutable, so that a state keeps the rules that it was made with.
 *
 * In rising order: the defaults, `.gitignore` files from the repository's root down, the mapping's own `ignore`. The last rule that
 * matches decides, and no rule can include a path below an ignored folder, as in git. One `.dockerignore` is read, that of the mapped
 * folder or the nearest one above it, by Docker's rules: patterns start at its folder, and `!` works below an ignored folder too. The
 * other rules cannot include a path that it ignores. `PROTECTED_NAMES` and virtual environments stay out unless the mapping's own
 * `ignore` names them.
 */
export class IgnoreRules {
  readonly #spec: RuleSpec;
  readonly #files: FileRules;
  readonly #includes: ExplicitIncludes;
  readonly #docker: DockerRules | undefined;
  /** Matchers by folder: a folder without a file of its own shares its parent's. */
  readonly #matchers = new Map<string, Ignore>();
  /** Rules by their mark in a matcher. */
  readonly #origins = new Map<string, RuleOrigin>();
  #tested = 0;

  private constructor(spec: RuleSpec, files: FileRules) {
    this.#spec = spec;
    this.#files = files;
    this.#includes = new ExplicitIncludes(spec.ignore);
    this.#docker = dockerRulesOf(spec, files);
  }

  /** Rules of a mapping before any file was read. */
  static for(spec: RuleSpec): IgnoreRules {
    return new IgnoreRules(spec, NO_FILES);
  }

  /** Whether a file with this name in this folder contains rules. */
  isRuleFile(directory: string, name: string): boolean {
    return (
      this.#spec.ignoreFiles.length > 0 &&
      namesOf(this.#spec).includes(name) &&
      (name === ".gitignore" || directory === "")
    );
  }

  /**
   * The rules with one file's text added, replaced or (`undefined`) removed.
   * @param directory of the file, relative to the root; the root is the empty path
   * @returns these rules if nothing changes
   */
  with(directory: string, name: string, text: string | undefined): IgnoreRules {
    if (this.textOf(directory, name) === text) return this;
    if (name !== ".gitignore") {
      const docker = changed(this.#files.docker, name, text === undefined ? undefined : new DockerRules(name, text));
      return new IgnoreRules(this.#spec, { ...this.#files, docker });
    }
    return new IgnoreRules(this.#spec, { ...this.#files, git: changed(this.#files.git, directory, text) });
  }

  /** The rules with those of the files above the mapped folder; these rules if nothing changes. */
  withOuter(outer: OuterFiles): IgnoreRules {
    return outer.stamp === this.#files.outer.stamp ? this : new IgnoreRules(this.#spec, { ...this.#files, outer });
  }

  /** The rules with a folder marked as a virtual environment, or not; these rules if nothing changes. */
  withEnvironment(directory: string, isEnvironment: boolean): IgnoreRules {
    if (this.#files.environments.has(directory) === isEnvironment) return this;
    const environments = new Set(this.#files.environments);
    if (isEnvironment) environments.add(directory);
    else environments.delete(directory);
    return new IgnoreRules(this.#spec, { ...this.#files, environments });
  }

  /** The text of a file in these rules. */
  textOf(directory: string, name: string): string | undefined {
    return name === ".gitignore" ? this.#files.git.get(directory) : this.#files.docker.get(name)?.text;
  }

  /** The files above the mapped folder in these rules. */
  get outer(): OuterFiles {
    return this.#files.outer;
  }

  /** The rules without the files in a folder and below it; these rules if there are none. */
  without(directory: string): IgnoreRules {
    const prefix = directory === "" ? "" : `${directory}/`;
    const git = new Map([...this.#files.git].filter(([at]) => at !== directory && !at.startsWith(prefix)));
    const docker = directory === "" ? NO_FILES.docker : this.#files.docker;
    if (git.size === this.#files.git.size && docker.size === this.#files.docker.size) return this;
    return new IgnoreRules(this.#spec, { ...this.#files, git, docker });
  }

  /**
   * Whether a path, or a folder above it, is ignored.
   * @param path relative to the root, POSIX; the root itself is never ignored
   */
  ignores(path: string, isDirectory: boolean): boolean {
    if (path === "") return false;
    if (++this.#tested % PATHS_PER_MATCHER === 0) this.#matchers.clear();
    if (this.#protectedFolder(path, isDirectory) !== undefined) return true;
    const slash = path.lastIndexOf("/");
    if (this.#matcher(slash === -1 ? "" : path.slice(0, slash)).ignores(isDirectory ? `${path}/` : path)) return true;
    return this.#docker?.ruleOf(path, isDirectory) !== undefined;
  }

  /** The rule by which `ignores` is true; `undefined` where it is false. */
  ruleOf(path: string, isDirectory: boolean): RuleOrigin | undefined {
    if (!this.ignores(path, isDirectory)) return undefined;
    const folder = this.#protectedFolder(path, isDirectory);
    if (folder !== undefined) {
      return this.#files.environments.has(folder)
        ? { from: "default", pattern: ENVIRONMENT_FILE, where: `default (has ${ENVIRONMENT_FILE})` }
        : defaultOrigin(folder.slice(folder.lastIndexOf("/") + 1));
    }
    const slash = path.lastIndexOf("/");
    const matcher = this.#matcher(slash === -1 ? "" : path.slice(0, slash));
    const mark = matcher.test(isDirectory ? `${path}/` : path).rule?.mark;
    return (mark === undefined ? undefined : this.#origins.get(mark)) ?? this.#docker?.ruleOf(path, isDirectory);
  }

  /** The path, or a folder above it, that stays out whatever the rules of files say. */
  #protectedFolder(path: string, isDirectory: boolean): string | undefined {
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const folder = end === -1 ? path : path.slice(0, end);
      const name = folder.slice(folder.lastIndexOf("/") + 1);
      if (name === STATE_DIRECTORY) return folder;
      const isProtected = PROTECTED_NAMES.has(name) || this.#files.environments.has(folder);
      if (isProtected && this.#spec.ignoreDefaults && !this.#includes.has(folder, end !== -1 || isDirectory))
        return folder;
      if (end === -1) return undefined;
    }
  }

  #matcher(directory: string): Ignore {
    let matcher = this.#matchers.get(directory);
    if (matcher !== undefined) return matcher;
    const slash = directory.lastIndexOf("/");
    if (directory !== "" && !this.#files.git.has(directory)) {
      matcher = this.#matcher(slash === -1 ? "" : directory.slice(0, slash));
    } else {
      // As git does (core.ignorecase): case-sensitive on Linux only, as the file systems are.
      matcher = ignore({ ignorecase: process.platform === "win32" || process.platform === "darwin" });
      for (const { pattern, origin } of this.#linesFor(directory)) {
        const mark = `${origin.where} ${origin.pattern}`;
        this.#origins.set(mark, origin);
        matcher.add({ pattern, mark });
      }
    }
    this.#matchers.set(directory, matcher);
    return matcher;
  }

  /** Rules that apply in a folder, in rising order. */
  #linesFor(directory: string): readonly RuleLine[] {
    const { ignore: own, ignoreDefaults } = this.#spec;
    return [
      ...(ignoreDefaults ? DEFAULT_IGNORES : []).map((pattern) => ({ pattern, origin: defaultOrigin(pattern) })),
      ...this.#files.outer.git.flatMap(outerLines),
      ...this.#layersOf(directory).flatMap((layer) => layerLines(layer)),
      ...own.map((pattern, index) => ({ pattern, origin: mappingOrigin(pattern, index) })),
    ];
  }

  /** Files whose rules apply in a folder: its own and those above it, from the root down. */
  #layersOf(directory: string): Layer[] {
    const layers: Layer[] = [];
    for (const [at, text] of this.#files.git) {
      if (at === "" || at === directory || directory.startsWith(`${at}/`)) layers.push({ directory: at, text });
    }
    return layers.sort((a, b) => a.directory.length - b.directory.length);
  }
}

/** Names of the files that rules are read from. `Dockerfile.dockerignore` takes the place of `.dockerignore`, as for Docker. */
export function namesOf({ ignoreFiles }: Pick<SourceSpec, "ignoreFiles">): readonly string[] {
  const withDockerfile = ignoreFiles.includes(".dockerignore") ? ["Dockerfile.dockerignore"] : [];
  return [...new Set([...ignoreFiles.filter((name) => name !== ".dockerignore"), ...withDockerfile, ...ignoreFiles])];
}

function layerLines({ directory, text }: Layer): readonly RuleLine[] {
  const file = directory === "" ? ".gitignore" : `${directory}/.gitignore`;
  return text.split(/\r?\n/).flatMap((line, index) => {
    const pattern = anchorPattern(line, directory);
    return pattern === undefined ? [] : [{ pattern, origin: fileOrigin(file, line, index) }];
  });
}

function outerLines({ file, text, base }: OuterFile): readonly RuleLine[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const plain = index === 0 && line.startsWith("\ufeff") ? line.slice(1) : line;
    return outerPatterns(plain, base).map((pattern) => ({ pattern, origin: fileOrigin(file, plain, index) }));
  });
}

/** One file counts: in the mapped folder, else in the nearest folder above it; there the more specific name. */
function dockerRulesOf(spec: RuleSpec, { docker, outer }: FileRules): DockerRules | undefined {
  const own = namesOf(spec).flatMap((name) => docker.get(name) ?? [])[0];
  if (own !== undefined) return own;
  const [nearest] = outer.docker;
  if (nearest === undefined) return undefined;
  const rules = new DockerRules(nearest.file, nearest.text, nearest.file, nearest.base);
  return rules.areMeant ? rules : undefined;
}

function changed<Value>(
  map: ReadonlyMap<string, Value>,
  key: string,
  value: Value | undefined,
): ReadonlyMap<string, Value> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
}
