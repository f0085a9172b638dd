import { existsSync, lstatSync, readFileSync, type BigIntStats } from "node:fs";
import { join, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { TreeEntry } from "../../mapping/tree.ts";
import { digestFile, digestSmallFile, SMALL_FILE_BYTES, stampOf, type FileDigest } from "../read/digest.ts";
import { identityOf, isNewborn, isSameFolder } from "./folder-identity.ts";
import { ENVIRONMENT_FILE, IgnoreRules, namesOf } from "../ignore/ignore-rules.ts";
import { LARGEST_RULE_FILE_BYTES, readOuterFiles, type OuterFiles } from "../ignore/outer-files.ts";
import { readLinkTarget, readNames, type Names } from "../read/names.ts";
import { fileRecord, isUnchanged, type PathRecords } from "./path-records.ts";
import { specialPath, unreadablePath } from "../read/source-errors.ts";
import { RestlessFiles } from "./restless-files.ts";
import type { SourceSpec } from "../source.ts";
import { hasCode, isMissing } from "../read/system-error.ts";
import { joinPath } from "./tree-path.ts";

/** Time of synchronous work without a pause for other work. */
const SLICE_MS = 2;
/** Age at which an empty file counts as data, whatever its name. */
const WRITE_PROBE_MS = 500;
const IS_WINDOWS = process.platform === "win32";

/** Brings the records of paths in a folder up to date, and the ignore rules that files in the folder hold. */
export class PathScanner {
  readonly #spec: SourceSpec;
  readonly #records: PathRecords;
  readonly restless = new RestlessFiles();
  #rules: IgnoreRules;
  #signal: AbortSignal = AbortSignal.abort();
  #sliceEnd = 0;

  constructor(spec: SourceSpec, records: PathRecords) {
    this.#spec = spec;
    this.#records = records;
    this.#rules = IgnoreRules.for(spec);
  }

  /** The ignore rules, those of the files in the folder included. */
  get rules(): IgnoreRules {
    return this.#rules;
  }

  /** Must be called before each scan. Throws the signal's reason if it is aborted. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#sliceEnd = performance.now() + SLICE_MS;
    signal.throwIfAborted();
  }

  /** Reads the ignore files above the folder; returns whether they changed. */
  readOuterRules(): boolean {
    const before = this.#rules;
    this.#rules = before.withOuter(this.#outerFiles());
    return this.#rules !== before;
  }

  haveOuterRulesChanged(): boolean {
    return this.#outerFiles() !== this.#rules.outer;
  }

  #outerFiles(): OuterFiles {
    return readOuterFiles(this.#spec.from, namesOf(this.#spec), this.#rules.outer);
  }

  /**
   * Scans the names in a folder.
   * @param isDeep scans every path below, else only new paths
   */
  async list(folder: string, isDeep: boolean): Promise<void> {
    let listed: Names;
    try {
      listed = readNames(this.absolute(folder));
    } catch (error) {
      if (folder !== "" && isMissing(error)) this.#remove(folder);
      else if (this.#records.failFolder(folder, unreadablePath(this.absolute(folder), folder, error))) {
        this.#rules = this.#rules.without(folder);
      }
      return;
    }
    this.#records.clearProblem(folder);
    const names = new Set(listed.names);
    const isEveryPath = this.#readRules(folder, names) || isDeep;
    const children = this.#records.childrenOf(folder);
    for (const name of children) if (!names.has(name)) this.#remove(joinPath(folder, name));
    this.#records.forgetProblemsIn(folder, names);
    for (const name of listed.undecodable) {
      const path = joinPath(folder, name);
      if (!this.#rules.ignores(path, false)) this.#leaveOut(path, new Error("its name is not valid UTF-8; rename it"));
    }
    for (const name of names) {
      if (performance.now() >= this.#sliceEnd) await this.#pause();
      if (isEveryPath || !children.has(name)) await this.visit(joinPath(folder, name), true);
    }
  }

  /**
   * Scans one path.
   * @param isDeep scans every path below, else only new paths
   */
  async visit(path: string, isDeep: boolean): Promise<void> {
    let stats: BigIntStats;
    try {
      stats = lstatSync(this.absolute(path), { bigint: true });
    } catch (error) {
      this.#remove(path);
      if (!isMissing(error)) this.#leaveOut(path, error);
      return;
    }
    const isDirectory = stats.isDirectory();
    if (isDirectory && this.#spec.ignoreDefaults) {
      const isEnvironment = existsSync(join(this.absolute(path), ENVIRONMENT_FILE));
      this.#rules = this.#rules.withEnvironment(path, isEnvironment);
    }
    if (this.#rules.ignores(path, isDirectory)) {
      this.#remove(path);
      return;
    }
    const known = this.#records.get(path);
    if (known !== undefined && (known.entry.type === "directory") !== isDirectory) this.#remove(path);
    if (isDirectory) await this.#visitFolder(path, stats, isDeep);
    else if (stats.isFile()) await this.#visitFile(path, stats);
    else if (stats.isSymbolicLink()) this.#visitLink(path);
    else {
      this.#remove(path);
      const type = stats.isSocket() ? "a socket" : stats.isFIFO() ? "a pipe" : "a device";
      this.#records.setProblem(path, specialPath(this.absolute(path), path, type));
    }
  }

  async #visitFolder(path: string, stats: BigIntStats, isDeep: boolean): Promise<void> {
    const mode = IS_WINDOWS ? 0o755 : Number(stats.mode) & 0o777;
    const known = this.#records.get(path);
    const identity = identityOf(stats);
    const isSame = known?.identity !== undefined && isSameFolder(known.identity, identity);
    if (!isSame || known.entry.type !== "directory" || known.entry.mode !== mode) {
      const entry: TreeEntry = { type: "directory", path, mode };
      this.#records.set(path, isNewborn(identity) ? { entry } : { entry, identity });
    }
    // A new folder under an old name has none of the old paths.
    await this.list(path, isDeep || !isSame || !this.#records.isListed(path));
  }

  #visitLink(path: string): void {
    try {
      const target = readLinkTarget(this.absolute(path));
      if (target === undefined) throw new Error("the path that it points to is not valid UTF-8");
      this.#records.clearProblem(path);
      const known = this.#records.get(path)?.entry;
      if (known?.type !== "link" || known.target !== target) {
        this.#records.set(path, { entry: { type: "link", path, target } });
      }
    } catch (error) {
      this.#remove(path);
      if (!isMissing(error)) this.#leaveOut(path, error);
    }
  }

  async #visitFile(path: string, stats: BigIntStats): Promise<void> {
    if (isUnchanged(this.#records.get(path), stats)) return;
    if (isWriteProbe(path, stats) || this.restless.isRestless(path, stampOf(stats))) {
      this.#leaveOutForNow(path);
      return;
    }
    try {
      const digest = await this.digest(this.absolute(path), stats, false);
      if (digest === undefined) {
        this.#leaveOutForNow(path);
        return;
      }
      this.#records.clearProblem(path);
      this.#records.unstable.delete(path);
      this.#records.set(path, fileRecord(path, digest));
    } catch (error) {
      if (this.#signal.aborted) throw error;
      // Removed or replaced since `lstat`: the next scan finds out.
      if (isMissing(error) || hasCode(error, "ELOOP", "ENOTFILE")) this.#leaveOutForNow(path);
      else {
        this.#remove(path);
        this.#leaveOut(path, error);
      }
    }
  }

  /**
   * Reads a file.
   * @returns `undefined` if it changed each time that it was read
   */
  async digest(absolute: string, stats: BigIntStats, follow: boolean): Promise<FileDigest | undefined> {
    const small = stats.size <= SMALL_FILE_BYTES ? digestSmallFile(absolute, follow) : undefined;
    if (small !== undefined) return small;
    const large = await digestFile(absolute, this.#signal, follow);
    this.#sliceEnd = performance.now() + SLICE_MS;
    return large;
  }

  /** Reads the files of rules in a folder; returns whether the rules changed. */
  #readRules(folder: string, names: ReadonlySet<string>): boolean {
    const before = this.#rules;
    for (const name of namesOf(this.#spec)) {
      if (!this.#rules.isRuleFile(folder, name)) continue;
      const text = names.has(name) ? this.#readRuleFile(folder, name) : undefined;
      this.#rules = this.#rules.with(folder, name, text);
    }
    return this.#rules !== before;
  }

  #readRuleFile(folder: string, name: string): string | undefined {
    const path = joinPath(folder, name);
    const absolute = this.absolute(path);
    try {
      // As in git, a link is not followed.
      const stats = lstatSync(absolute, { bigint: true });
      return stats.isFile() && Number(stats.size) <= LARGEST_RULE_FILE_BYTES
        ? readFileSync(absolute, "utf8")
        : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      this.#leaveOut(path, error);
      // Without the rules, every path that they ignore would be sent, so the last ones stay valid.
      return this.#rules.textOf(folder, name);
    }
  }

  #remove(path: string): void {
    if (this.#records.remove(path)) this.#rules = this.#rules.without(path);
  }

  /** The bytes of an older record no longer exist, so the path is not a part of the tree until a later scan has read it. */
  #leaveOutForNow(path: string): void {
    this.#remove(path);
    this.#records.unstable.add(path);
  }

  #leaveOut(path: string, cause: unknown): void {
    this.#records.setProblem(path, unreadablePath(this.absolute(path), path, cause));
  }

  /** The path on this machine. */
  absolute(path: string): string {
    const { from } = this.#spec;
    if (path === "") return from;
    return from.endsWith(sep) ? from + path : from + sep + path;
  }

  async #pause(): Promise<void> {
    await setImmediate();
    this.#signal.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }
}

/** vim creates an empty file `4913` for a moment, to learn whether it may write. One that stays is data. */
function isWriteProbe(path: string, { size, ctimeMs }: BigIntStats): boolean {
  return size === 0n && /(?:^|\/)4913$/.test(path) && Date.now() - Number(ctimeMs) < WRITE_PROBE_MS;
}
