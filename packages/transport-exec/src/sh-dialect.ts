import { posix } from "node:path";
import { isStaged, type CommitPlan, type PlanStep } from "./commit-plan.ts";
import type { CommitRequest, Dialect, Place, StageRequest } from "./dialect.ts";
import { quoted, quotedList } from "./quote.ts";
import { SumsAlong } from "./sums-along.ts";
import { escapePath } from "./wire.ts";

/** A shell reads a request byte by byte; from here on the text goes as a blob, which `dd` takes at once. */
const INLINE = 4 * 1024;
/** Names in one call of a tool. The kernel limits the bytes of an argv. */
const GROUP_NAMES = 400;
const GROUP_BYTES = 24 * 1024;

/** Files that go without an archive: a process for each, where an archive takes four in all. */
const FEW = 3;
/** Of the digest of a small file: 128 bits tell any accident. Each digit is as good as 1.5 µs of a processor. */
const ENOUGH_DIGITS = 32;
/** `dd` takes so many bytes as one block. */
const ONE_BLOCK = 64 * 1024;

/** The dialect of the sh agent: each request is one line of shell, or several, that calls the agent's functions. */
export const shDialect: Dialect = {
  rawNames: true,
  ping: (id, place) => `pg ${id}${place === undefined ? "" : ` ${place.claim}`}\n`,
  inventory(id, root, paths, depth) {
    // A name with a newline would look like two records. It is asked by itself, and where everything is listed it is left out.
    const wanted = depth === "list" ? [] : paths.map((path) => `./${path}`);
    const blob = wanted.filter((path) => !path.includes("\n")).map((path) => `${path}\0`);
    const odd = wanted.filter((path) => path.includes("\n")).flatMap((path) => [path, escapePath(path)]);
    const words = `${quotedList([root.path, root.shape, root.key])} ${flag(root.inPlace)} ${depth}`;
    const length = Buffer.byteLength(blob.join(""));
    const request = odd.length === 0 ? `${words} ${length}` : `${words}+ ${length} && iw ${quotedList(odd)}`;
    return `in_ ${id} ${request}\n${blob.join("")}`;
  },
  claim: (id, root, name, marker) =>
    `cl ${id} ${quotedList([root.path, root.shape, root.key])} ${flag(root.inPlace)} ${quotedList([name, ...splitMarker(marker)])}\n`,
  stage(request) {
    const { id, place, name, plan } = request;
    const blobs = codeBlob(request) + journalBlobs(request);
    const single = largeFile(plan);
    if (single !== undefined) {
      const words = quotedList([place.state, name, posix.dirname(single.path)]);
      return `s3 ${id} ${words}\n${blobs}rb ${fileWords(single)}\n`;
    }
    return `s0 ${id} ${quotedList([place.state, name])}\n${blobs}${plan.steps.some(isStaged) ? "s1\n" : ""}`;
  },
  sendsContent: ({ plan }) => largeFile(plan) !== undefined,
  along({ plan }) {
    let text = 0;
    for (const step of plan.steps) if (isCheckable(step)) text += step.value.length + step.path.length;
    return text > INLINE && largeFile(plan) === undefined ? new SumsAlong(plan, isCheckable) : undefined;
  },
  afterStage({ id, plan }, aborted, along) {
    if (aborted) return `sa ${id}\n`;
    if (along !== undefined) return `${blob("list", along.rest())}s2 ${id} sums\n`;
    return largeFile(plan) === undefined ? `s2 ${id} ${inlineSums(plan)}\n` : `s2 ${id}\n`;
  },
  stageFiles: {
    fits: ({ plan }) => {
      const staged = plan.steps.filter(isStaged);
      return staged.length > 0 && staged.length <= FEW && staged.every(isSmallFile);
    },
    write(request, files) {
      const { id, place, name, plan } = request;
      const staged = plan.steps.filter(isStaged);
      const folders = new Set(staged.map((step) => posix.dirname(step.path)));
      const begin = `s3 ${id} ${quotedList([place.state, name, ...folders])}\n${journalBlobs(request)}${codeBlob(request)}`;
      const parts: (string | Uint8Array)[] = [begin];
      for (const [index, step] of staged.entries()) parts.push(`rf ${fileWords(step)}\n`, files[index] ?? NOTHING);
      return [...parts, `s2 ${id}\n`];
    },
  },
  // `tar` would not take an archive of nothing.
  needsEndOfArchive: false,
  commit(request) {
    const { id, stage, place, name, unplaced } = request;
    const begin = `c0 ${id} ${stage} ${place.claim} ${quoted(name)}${request.isQuiet ? " 1" : ""}`;
    const code = commitCode(request);
    // Copies and many moves may take long.
    const isLong = code.length > INLINE || place.mounts.length > 0 || isApart(place);
    const tick = isLong ? "tk && " : "";
    const middle = `${tick}${code.length > INLINE ? `{ . "$S/do"; }` : `{ ${code}; }`}`;
    const compact = request.compacts ? " && jn" : "";
    return `${begin}${compact} && ${middle} && ${journal("unplaced", unplaced)} && ${end(request)}; cx\n`;
  },
  save: {
    fits(request) {
      const { plan, place, placed, unplaced, compacted } = request;
      if (plan.steps.length === 0 || plan.steps.length > FEW || compacted !== undefined) return false;
      // A move between mounts is a copy.
      if (place.mounts.length > 0 || isApart(place)) return false;
      let text = placed.length + unplaced.length;
      for (const step of plan.steps) {
        if (!isSmallFile(step) || step.replaces === "d") return false;
        text += 3 * step.path.length;
      }
      return text < INLINE / 4;
    },
    write(request, files) {
      const one = oneReplacement(request, files);
      if (one !== undefined) return one;
      const { id, place, plan, placed, unplaced, marker, isQuiet } = request;
      const parts: (string | Uint8Array)[] = [`qs ${id} ${place.claim}${isQuiet ? " 1" : ""}\n`];
      const checks = new Calls();
      const moves: string[] = [];
      for (const [index, step] of plan.steps.entries()) {
        parts.push(`qf ${index + 1} ${fileWords(step)}\n`, files[index] ?? NOTHING);
        checks.add("pf", posix.dirname(step.path), [nameOf(step)]);
        const words = plainList([folderOf(step), nameOf(step)]);
        moves.push(`qm ${index + 1} ${words}${step.replaces === "f" ? " r" : ""}`);
      }
      const journals = [placed, unplaced].map((text) => (text === "" ? [] : [journal("", text)]));
      const end = `cz ${quoted(splitMarker(marker)[2])} ${plan.count}`;
      const code = ["qc", ...checks.lines(), ...(journals[0] ?? []), ...moves, ...(journals[1] ?? []), end];
      return [...parts, `${code.join("&&")}||qx;cd /\n`];
    },
  },
  discard: (id, place, name) => `di ${id} ${quotedList([place.state, name])}\n`,
};

function flag(value: boolean | undefined): string {
  return value === true ? "1" : "0";
}

function blob(name: string, text: string): string {
  return text === "" ? "" : `bl ${Buffer.byteLength(text)} ${name}\n${text}`;
}

function codeBlob(request: StageRequest): string {
  const code = commitCode(request);
  return code.length > INLINE ? blob("do", code) : "";
}

function journal(name: string, text: string): string {
  if (text === "") return ":";
  return text.length > INLINE ? `jb ${name}` : `ja ${quoted(text)}`;
}

function journalBlobs({ placed, unplaced, compacted = "" }: StageRequest): string {
  return journalBlob("placed", placed) + journalBlob("unplaced", unplaced) + blob("journal", compacted);
}

function journalBlob(name: string, text: string): string {
  return text.length > INLINE ? blob(name, text) : "";
}

function end({ marker, plan }: CommitRequest): string {
  return `cz ${quoted(splitMarker(marker)[2])} ${plan.count}`;
}

/**
 * The first line, which names the claim; what stays the same in one session; and what each commit changes, without the blanks
 * behind it. A marker is JSON, so that no text inside looks like the key.
 */
function splitMarker(marker: string): readonly [claim: string, owner: string, rest: string] {
  const second = marker.indexOf("\n") + 1;
  const at = marker.indexOf('"generation":');
  return [marker.slice(0, second - 1), marker.slice(second, at), marker.slice(at).trimEnd()];
}

/** Names that `sha256sum -c` takes as they are. */
function isCheckable(step: PlanStep): boolean {
  return step.op === "f" && !/[\n\\]/.test(step.path);
}

/** The only one that is staged, where it is large: it needs no tar, and is checked while it comes. */
function largeFile(plan: CommitPlan): PlanStep | undefined {
  const [step, another] = plan.steps.filter(isStaged);
  return another === undefined && step?.op === "f" && step.size > ONE_BLOCK && step.mode <= 0o777 ? step : undefined;
}

function inlineSums(plan: CommitPlan): string {
  return plan.steps
    .filter(isCheckable)
    .map((step) => `${step.value} ${quoted(step.path)}`)
    .join(" ");
}

const NOTHING = Buffer.alloc(0);

/** What `rf` is told of a file. */
function fileWords(step: PlanStep): string {
  return `${step.size} ${maskOf(step)} ${step.value} ${modeWord(step)} ${plain(step.path)}`;
}

function maskOf(step: PlanStep): string {
  return (0o666 & ~step.mode).toString(8).padStart(3, "0");
}

/** A mask cannot give the right to execute. */
function modeWord(step: PlanStep): string {
  return (step.mode & 0o111) === 0 ? "-" : step.mode.toString(8);
}

/** A word, without quotes where it needs none: each byte of a request is two system calls of a busybox. */
function plain(word: string): string {
  return /^[A-Za-z0-9_./][-A-Za-z0-9_./]*$/.test(word) ? word : quoted(word);
}

function plainList(words: readonly string[]): string {
  return words.map((word) => plain(word)).join(" ");
}

/** One file in place of another, and nothing for the journal: one short line, and the bytes. */
function oneReplacement(request: CommitRequest, files: readonly Uint8Array[]): (string | Uint8Array)[] | undefined {
  const { id, place, plan, placed, unplaced, marker, isQuiet } = request;
  const [step, another] = plan.steps;
  const rest = /^"generation":(\d+),"tree":"([0-9a-f]*)"\}$/.exec(splitMarker(marker)[2]);
  if (step?.replaces !== "f" || another !== undefined || placed !== "" || unplaced !== "" || rest === null)
    return undefined;
  const [, generation = "", tree = ""] = rest;
  const file = `${step.size} ${maskOf(step)} ${step.value.slice(0, ENOUGH_DIGITS)} ${modeWord(step)}`;
  const words = plainList([folderOf(step), nameOf(step), generation, tree]);
  return [`q1 ${id} ${place.claim} ${isQuiet ? "1" : "''"} ${file} ${words}\n`, files[0] ?? NOTHING];
}

const codes = new WeakMap<CommitPlan, { readonly place: Place; readonly code: string }>();

function isSmallFile(step: PlanStep): boolean {
  return step.op === "f" && step.size <= ONE_BLOCK && step.mode <= 0o777;
}

/** The stage is on another mount than the root: every move is a copy. */
function isApart(place: Place): boolean {
  const holder = posix.dirname(posix.dirname(place.state));
  return holder !== place.root && holder !== posix.dirname(place.root);
}

/**
 * What carries the plan out, joined by `&&`: all checks, then the journal, then all changes. The journal never names what a check
 * refused: that is not kinsync's to replace or to delete.
 */
function commitCode(request: StageRequest): string {
  const { plan, place, inPlace } = request;
  const known = codes.get(plan);
  if (known?.place === place) return known.code;
  const code = new CodeWriter(plan, place, inPlace).write(journal("placed", request.placed));
  codes.set(plan, { place, code });
  return code;
}

class CodeWriter {
  readonly #plan: CommitPlan;
  readonly #place: Place;
  readonly #inPlace: boolean;
  readonly #mounts: ReadonlySet<string>;
  readonly #isApart: boolean;
  readonly #checks = new Calls();
  readonly #changes = new Calls();

  constructor(plan: CommitPlan, place: Place, inPlace: boolean) {
    this.#plan = plan;
    this.#place = place;
    this.#inPlace = inPlace;
    this.#mounts = new Set(place.mounts);
    this.#isApart = isApart(place);
  }

  write(placed: string): string {
    const { steps } = this.#plan;
    const firstMove = steps.findIndex(isStaged);
    const lead = firstMove === -1 ? [] : steps.slice(0, firstMove);
    const rest = steps.slice(lead.length);
    this.#removals(lead);
    for (const step of rest) if (step.moves) this.#move(step);
    this.#changes.cut();
    this.#removals(rest);
    this.#changes.cut();
    for (const step of rest) {
      if (step.op === "c") this.#changes.add(`ch ${step.mode.toString(8)}`, posix.dirname(step.path), [nameOf(step)]);
    }
    const code = [...this.#checks.lines(), placed, ...this.#changes.lines()].join(" &&\n");
    return code.length > INLINE ? code : code.replaceAll(" &&\n", " && ");
  }

  #removals(steps: readonly PlanStep[]): void {
    for (const step of steps) if (step.op === "x") this.#changes.add("dx", posix.dirname(step.path), [nameOf(step)]);
    this.#changes.cut();
    const folders = steps.filter((step) => step.op === "y");
    // Deepest first, also where a group holds folders of several branches.
    folders.sort((a, b) => b.path.split("/").length - a.path.split("/").length);
    for (const step of folders) this.#changes.add("dy", posix.dirname(step.path), [nameOf(step)]);
    this.#changes.cut();
  }

  #move(step: PlanStep): void {
    const folder = posix.dirname(step.path);
    const name = nameOf(step);
    const absolute = posix.join(this.#place.root, step.path);
    if (step.op !== "d" && this.#mounts.has(absolute)) {
      if (step.op === "f" && this.#inPlace) this.#changes.add("mi", folder, [name], true);
      else this.#checks.add("mt", undefined, [step.path], true);
      return;
    }
    if (step.op === "d") this.#checks.add(step.replaces === "f" ? "pr" : "pd", folder, [name]);
    else if (step.replaces === "d") {
      const below = this.#plan.steps.filter(
        ({ op, path }) => (op === "x" || op === "y") && path.startsWith(`${step.path}/`),
      );
      this.#checks.add("px", folder, [name, ...below.map(({ path }) => path)], true);
    } else this.#checks.add("pf", folder, [name]);

    if (this.#isApart || this.#isInMount(absolute)) {
      if (step.replaces === "d") this.#changes.add("dy", folder, [name]);
      if (step.op === "d" && step.replaces === "f") this.#changes.add("dx", folder, [name]);
      this.#changes.add("mc", folder, [name], true);
    } else if (step.op === "d") this.#changes.add("md", folder, [name]);
    else if (step.replaces === "d") this.#changes.add("mx", folder, [name], true);
    else this.#changes.add(step.op === "f" && step.replaces === "f" ? "mo" : "mn", folder, [name]);
  }

  #isInMount(absolute: string): boolean {
    if (this.#mounts.size === 0) return false;
    for (let at = posix.dirname(absolute); at.length > this.#place.root.length; at = posix.dirname(at)) {
      if (this.#mounts.has(at)) return true;
    }
    return false;
  }
}

/** The folder that it is in, relative to the root; empty for the root itself. */
function folderOf(step: PlanStep): string {
  const folder = posix.dirname(step.path);
  return folder === "." ? "" : folder;
}

function nameOf(step: PlanStep): string {
  return posix.basename(step.path);
}

/** Calls of the agent's functions, those of one function in one folder together. */
class Calls {
  readonly #lines: string[] = [];
  readonly #open = new Map<string, { words: string[]; bytes: number }>();

  /** @param folder relative to the root, `.` for the root itself; `undefined` where the function takes none */
  add(call: string, folder: string | undefined, names: readonly string[], alone = false): void {
    const start = folder === undefined ? call : `${call} ${plain(folder === "." ? "" : folder)}`;
    const words = names.map((name) => plain(name));
    if (alone) {
      this.#lines.push([start, ...words].join(" "));
      return;
    }
    let group = this.#open.get(start);
    if (group === undefined) {
      group = { words: [], bytes: 0 };
      this.#open.set(start, group);
    }
    group.words.push(...words);
    for (const word of words) group.bytes += word.length * 2;
    if (group.words.length >= GROUP_NAMES || group.bytes >= GROUP_BYTES) this.#close(start, group.words);
  }

  /** What is added later comes after what was added until now. */
  cut(): void {
    for (const [start, { words }] of this.#open) this.#close(start, words);
  }

  #close(start: string, words: readonly string[]): void {
    this.#lines.push([start, ...words].join(" "));
    this.#open.delete(start);
  }

  lines(): readonly string[] {
    this.cut();
    return this.#lines;
  }
}
