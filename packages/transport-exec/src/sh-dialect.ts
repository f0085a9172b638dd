import { posix } from "node:path";
import { commitCode, folderOf, INLINE, isApart, journal, nameOf } from "./commit-code.ts";
import { isStaged, type CommitPlan, type PlanStep } from "./commit-plan.ts";
import type { CommitRequest, Dialect, StageRequest } from "./dialect.ts";
import { quoted, quotedList } from "./quote.ts";
import { Calls, plain, plainList } from "./shell-calls.ts";
import { SumsAlong } from "./sums-along.ts";
import { escapePath } from "./wire.ts";

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
      const { id, place, plan, placed, unplaced, isQuiet } = request;
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
      const code = ["qc", ...checks.lines(), ...(journals[0] ?? []), ...moves, ...(journals[1] ?? []), end(request)];
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
  const at = marker.indexOf('"snapshot":');
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

/** One file in place of another, and nothing for the journal: one short line, and the bytes. */
function oneReplacement(request: CommitRequest, files: readonly Uint8Array[]): (string | Uint8Array)[] | undefined {
  const { id, place, plan, placed, unplaced, marker, isQuiet } = request;
  const [step, another] = plan.steps;
  const rest = /^"snapshot":(\d+),"tree":"([0-9a-f]*)"\}$/.exec(splitMarker(marker)[2]);
  if (step?.replaces !== "f" || another !== undefined || placed !== "" || unplaced !== "" || rest === null)
    return undefined;
  const [, snapshot = "", tree = ""] = rest;
  const file = `${step.size} ${maskOf(step)} ${step.value.slice(0, ENOUGH_DIGITS)} ${modeWord(step)}`;
  const words = plainList([folderOf(step), nameOf(step), snapshot, tree]);
  return [`q1 ${id} ${place.claim} ${isQuiet ? "1" : "''"} ${file} ${words}\n`, files[0] ?? NOTHING];
}

function isSmallFile(step: PlanStep): boolean {
  return step.op === "f" && step.size <= ONE_BLOCK && step.mode <= 0o777;
}
