import { posix } from "node:path";
import { isStaged, type CommitPlan, type PlanStep } from "./commit-plan.ts";
import type { CommitRequest, Dialect, Place, StageRequest } from "./dialect.ts";
import { quoted, quotedList } from "./quote.ts";

/** A shell reads a request byte by byte; from here on the text goes as a blob, which `dd` takes at once. */
const INLINE = 4 * 1024;
/** Names in one call of a tool. The kernel limits the bytes of an argv. */
const GROUP_NAMES = 400;
const GROUP_BYTES = 24 * 1024;

/** Files that go without an archive: a process for each, where an archive takes four in all. */
const FEW = 3;
/** `dd` takes so many bytes as one block. */
const ONE_BLOCK = 64 * 1024;

/**
 * Bytes of a batch that are read again for their digests after tar wrote them. Beyond, that would cost a third of the transfer, and
 * the sizes have to do: the connection itself guards the bytes, and what it cannot guard against is that some are missing.
 */
const READ_AGAIN = 16 * 1024 * 1024;

/** The dialect of the sh agent: each request is one line of shell, or several, that calls the agent's functions. */
export const shDialect: Dialect = {
  rawNames: true,
  ping: (id) => `pg ${id}\n`,
  inventory(id, root, paths, depth) {
    // A name with a newline would look like two records; it is left out, and thus counts as not there.
    const asked = paths.filter((path) => !path.includes("\n")).map((path) => `./${path}\0`);
    const blob = depth === "list" ? "" : asked.join("");
    const words = quotedList([root.path, root.shape, root.key]);
    return `in_ ${id} ${words} ${flag(root.inPlace)} ${depth} ${Buffer.byteLength(blob)}\n${blob}`;
  },
  claim: (id, root, marker) =>
    `cl ${id} ${quotedList([root.path, root.shape, root.key])} ${flag(root.inPlace)} ${quotedList(splitMarker(marker))}\n`,
  stage(request) {
    const { id, place, name, plan } = request;
    const check = checkOf(request);
    const list = check === "sums" ? sumsFile(plan) : check === "sizes" ? sizesFile(plan) : "";
    const blobs = codeBlob(request) + blob("list", list) + journalBlobs(request);
    return `s0 ${id} ${quotedList([place.state, name])}\n${blobs}${plan.steps.some(isStaged) ? "s1\n" : ""}`;
  },
  afterStage(request, aborted) {
    const { id, plan } = request;
    if (aborted) return `sa ${id}\n`;
    return `s2 ${id} ${checkOf(request) ?? inlineSums(plan)}\n`;
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
      const begin = isAlone(request)
        ? `s4 ${id} ${place.claim} ${quoted(name)}\n`
        : `s3 ${id} ${quotedList([place.state, name, ...folders])}\n${journalBlobs(request)}${codeBlob(request)}`;
      const parts: (string | Uint8Array)[] = [begin];
      for (const [index, step] of staged.entries()) {
        const umask = (0o666 & ~step.mode).toString(8).padStart(3, "0");
        // A mask cannot give the right to execute.
        const mode = (step.mode & 0o111) === 0 ? "-" : step.mode.toString(8);
        parts.push(
          `rf ${step.size} ${umask} ${step.value} ${mode} ${quoted(step.path)}\n`,
          files[index] ?? Buffer.alloc(0),
        );
      }
      return [...parts, `s2 ${id}\n`];
    },
  },
  // `tar` would not take an archive of nothing.
  needsEndOfArchive: false,
  commit(request) {
    const { id, stage, place, name, unplaced } = request;
    const begin = `c0 ${id} ${stage} ${place.claim} ${quoted(name)}${request.isQuiet ? " 1" : ""}`;
    const code = commitCode(request);
    const middle = code.length > INLINE && !isAlone(request) ? `{ . "$S/do"; }` : `{ ${code}; }`;
    const compact = request.compacts ? " && jn" : "";
    return `${begin}${compact} && ${middle} && ${journal("unplaced", unplaced)} && ${end(request)}; cx\n`;
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
  return `cz ${quoted(splitMarker(marker)[1])} ${plan.count}`;
}

/** What stays the same in one session, and what each commit changes. A marker is JSON, so that no text inside looks like the key. */
function splitMarker(marker: string): readonly [head: string, rest: string] {
  const at = marker.indexOf('"generation":');
  return [marker.slice(0, at), marker.slice(at)];
}

/** Names that `sha256sum -c` takes as they are. */
function isCheckable(step: PlanStep): boolean {
  return step.op === "f" && !/[\n\\]/.test(step.path);
}

/** How a batch is checked: by a list that is sent as a blob, or within the request. */
function checkOf({ plan }: StageRequest): "sums" | "sizes" | undefined {
  let bytes = 0;
  let text = 0;
  for (const step of plan.steps) {
    bytes += step.size;
    if (isCheckable(step)) text += step.value.length + step.path.length;
  }
  if (text === 0) return undefined;
  if (bytes > READ_AGAIN) return "sizes";
  return text > INLINE ? "sums" : undefined;
}

function sizesFile(plan: CommitPlan): string {
  let text = "";
  for (const step of plan.steps) if (isCheckable(step)) text += `${step.size} ./${step.path}\n`;
  return text;
}

function sumsFile(plan: CommitPlan): string {
  let text = "";
  for (const step of plan.steps) if (isCheckable(step)) text += `${step.value}  ${step.path}\n`;
  return text;
}

function inlineSums(plan: CommitPlan): string {
  return plan.steps
    .filter(isCheckable)
    .map((step) => `${step.value} ${quoted(step.path)}`)
    .join(" ");
}

const codes = new WeakMap<CommitPlan, { readonly place: Place; readonly code: string }>();

function isSmallFile(step: PlanStep): boolean {
  return step.op === "f" && step.size <= ONE_BLOCK && step.mode <= 0o777;
}

/**
 * A single small file is most of what people save. It is staged without a folder, which spares two processes: without anything
 * else to do, on the root's own mount, and not in place of a folder.
 */
function isAlone({ plan, place, placed, unplaced, compacted }: StageRequest): boolean {
  if (compacted !== undefined) return false;
  const [step, ...others] = plan.steps;
  if (step === undefined || others.length > 0 || !isSmallFile(step) || step.replaces === "d") return false;
  if (place.mounts.length > 0 || isApart(place)) return false;
  return Math.max(placed.length, unplaced.length, step.path.length) < INLINE / 4;
}

/** The stage is on another mount than the root: every move is a copy. */
function isApart(place: Place): boolean {
  const holder = posix.dirname(posix.dirname(place.state));
  return holder !== place.root && holder !== posix.dirname(place.root);
}

function aloneCode({ plan, placed }: StageRequest): string {
  const [step] = plan.steps;
  if (step === undefined) return ":";
  const folder = posix.dirname(step.path);
  const words = quotedList([folder === "." ? "" : folder, nameOf(step)]);
  return `pf ${words} && ${journal("placed", placed)} && m1 ${words}${step.replaces === "f" ? " r" : ""}`;
}

/**
 * What carries the plan out, joined by `&&`: all checks, then the journal, then all changes. The journal never names what a check
 * refused: that is not kinsync's to replace or to delete.
 */
function commitCode(request: StageRequest): string {
  if (isAlone(request)) return aloneCode(request);
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

function nameOf(step: PlanStep): string {
  return posix.basename(step.path);
}

/** Calls of the agent's functions, those of one function in one folder together. */
class Calls {
  readonly #lines: string[] = [];
  readonly #open = new Map<string, { words: string[]; bytes: number }>();

  /** @param folder relative to the root, `.` for the root itself; `undefined` where the function takes none */
  add(call: string, folder: string | undefined, names: readonly string[], alone = false): void {
    const start = folder === undefined ? call : `${call} ${quoted(folder === "." ? "" : folder)}`;
    const words = names.map((name) => quoted(name));
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
