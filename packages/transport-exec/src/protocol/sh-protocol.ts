import { posix } from "node:path";
import { folderOf, isOnOtherMount, nameOf } from "../commit/commit-instructions.ts";
import { isStaged, type CommitPlan, type PlanStep } from "../commit/commit-plan.ts";
import { InstructionList } from "../commit/instruction-list.ts";
import { MARKER_TAIL_CHARACTERS, type CommitRequest, type AgentProtocol, type StageRequest } from "./agent-protocol.ts";
import { plain, plainList, quoted, quotedList } from "./quote.ts";
import { compressText, type RequestParts } from "./request-text.ts";
import { commitCode, INLINE_CHARACTERS, journal, shellLines } from "./shell-code.ts";
import { StreamingChecksums } from "./streaming-checksums.ts";

/** Files of a batch that is sent without an archive. Each costs the container one process; an archive costs four in all. */
const MAX_SINGLE_FILES = 3;
/** Hexadecimal digits of a small file's digest: 128 bits detect any accidental change. Each digit costs the shell 1.5 µs. */
const DIGEST_DIGITS = 32;
/** Limit of Linux for the name of a file. */
const MAX_NAME_BYTES = 255;
/** Bytes that `dd` reads as one block. */
const DD_BLOCK_BYTES = 64 * 1024;

/** The protocol of the sh agent: each request is one or several lines of shell that call the agent's functions. */
export const shProtocol: AgentProtocol = {
  rawNames: true,
  ping: (id, location) => `pg ${id}${location === undefined ? "" : ` ${location.claim}`}\n`,
  inventory(id, root, paths, depth) {
    // A name with a newline would look like two records. It is a word of the request, and its record is escaped.
    const wanted = depth === "list" ? [] : paths.map((path) => `./${path}`);
    const blob = wanted.filter((path) => !path.includes("\n")).map((path) => `${path}\0`);
    const odd = wanted.filter((path) => path.includes("\n"));
    const words = `${quotedList([root.path, root.shape, root.key])} ${flag(root.inPlace)} ${depth}`;
    const length = Buffer.byteLength(blob.join(""));
    const more = odd.length === 0 ? "" : ` ${quotedList(odd)}`;
    return `in_ ${id} ${words} ${length}${more}\n${blob.join("")}`;
  },
  claim: (id, root, name, marker) =>
    `cl ${id} ${quotedList([root.path, root.shape, root.key])} ${flag(root.inPlace)} ${quotedList([name, ...splitMarker(marker)])}\n`,
  stage(request) {
    const { id, location, name, plan } = request;
    const blobs = [...(request.isLocatedLater === true ? [] : codeBlob(request)), ...journalBlobs(request)];
    const single = largeFile(request);
    if (single !== undefined) {
      const words = quotedList([location.state, name, posix.dirname(single.path)]);
      return [`s3 ${id} ${words}\n`, ...blobs, `rb ${fileWords(single)}\n`];
    }
    return [`s0 ${id} ${quoted(name)} ${location.claim}\n`, ...blobs, plan.steps.some(isStaged) ? "s1\n" : ""];
  },
  sendsContent: (request) => largeFile(request) !== undefined,
  checksums(request) {
    const { plan } = request;
    let text = 0;
    for (const step of plan.steps) if (isCheckable(step)) text += step.value.length + step.path.length;
    return text > INLINE_CHARACTERS && largeFile(request) === undefined
      ? new StreamingChecksums(plan, isCheckable)
      : undefined;
  },
  afterStage(request, aborted, checksums) {
    const { id, plan } = request;
    if (aborted) return `sa ${id}\n`;
    if (largeFile(request) !== undefined) return `s2 ${id}\n`;
    const odd = oddFiles(plan).map((step) => `sv ${id} ${step.value} ${quoted(step.path)}\n`);
    const first = [...(request.isLocatedLater === true ? codeBlob(request) : []), ...odd];
    if (checksums !== undefined) {
      const { list, names, digest } = checksums.rest();
      if (request.isCompressed !== true) return [...first, ...blob("list", list, request), `s2 ${id} sums\n`];
      return [...first, ...blob("names", names(), request), `s2 ${id} sums ${digest()}\n`];
    }
    return [...first, `s2 ${id} ${inlineSums(plan)}\n`];
  },
  stageFiles: {
    fits: ({ plan }) => {
      const staged = plan.steps.filter(isStaged);
      return staged.length > 0 && staged.length <= MAX_SINGLE_FILES && staged.every(isSmallFile);
    },
    write(request, files) {
      const { id, location, name, plan } = request;
      const staged = plan.steps.filter(isStaged);
      const folders = new Set(staged.map((step) => posix.dirname(step.path)));
      const begin = `s3 ${id} ${quotedList([location.state, name, ...folders])}\n`;
      const parts: (string | Uint8Array)[] = [begin, ...journalBlobs(request), ...codeBlob(request)];
      for (const [index, step] of staged.entries()) parts.push(`rf ${fileWords(step)}\n`, files[index] ?? NOTHING);
      return [...parts, `s2 ${id}\n`];
    },
  },
  // `tar` rejects an empty archive.
  needsEndOfArchive: false,
  commit(request) {
    const { id, stage, location, name, unplaced } = request;
    const begin = `c0 ${id} ${stage} ${location.claim} ${quoted(name)}${request.isQuiet ? " 1" : ""}`;
    const code = commitCode(request);
    // Copies and many moves may take long: the agent reports progress meanwhile.
    const isLong = code.length > INLINE_CHARACTERS || location.mounts.length > 0 || isOnOtherMount(location);
    const before = `${isLong ? "tk && " : ""}${request.isStale ? "tt && " : ""}`;
    const middle = `${before}${code.length > INLINE_CHARACTERS ? "do_" : `{ ${code}; }`}`;
    const compact = request.compacts ? " && jn" : "";
    return `${begin}${compact} && ${middle} && ${journal("unplaced", unplaced)} && ${end(request)}; cw; cr "$stage_folder"\n`;
  },
  ahead: {
    prepare(request) {
      const { stage, location, name, unplaced, plan, marker } = request;
      const [before, , after] = aroundTime(splitMarker(marker)[2]);
      const begin = `c0 $1 ${stage} ${location.claim} ${quoted(name)} $2`;
      const code = `{ [ -z "$3" ] || tt; } && { ${commitCode(request)}; } && ${journal("unplaced", unplaced)}`;
      const last = `cz ${quoted(before)}$4${quoted(after)} ${plan.count}`;
      return `g${stage}() { ${begin} && ${code} && ${last}; cw; unset -f g${stage}; }\n`;
    },
    commit({ id, stage, isQuiet, isStale, marker }) {
      const [, time] = aroundTime(splitMarker(marker)[2]);
      return `g${stage} ${id} ${isQuiet ? "1" : "''"} ${isStale ? "1" : "''"} ${time}\n`;
    },
    removeStage: (location, name) => `cr ${quoted(posix.join(location.state, name))}\n`,
    forget: (stage) => `unset -f g${stage}\n`,
  },
  save: {
    fits(request) {
      const { plan, location, placed, unplaced, compacted, inPlace } = request;
      if (inPlace || plan.steps.length === 0 || plan.steps.length > MAX_SINGLE_FILES || compacted !== undefined)
        return false;
      // A move between mounts is a copy.
      if (location.mounts.length > 0 || isOnOtherMount(location)) return false;
      let text = placed.length + unplaced.length;
      for (const step of plan.steps) {
        if (!isSmallFile(step) || step.replaces === "d") return false;
        text += 3 * step.path.length;
      }
      return text < INLINE_CHARACTERS / 4;
    },
    write(request, files) {
      const one = oneReplacement(request, files);
      if (one !== undefined) return one;
      const { id, location, plan, placed, unplaced, isQuiet } = request;
      const parts: (string | Uint8Array)[] = [`qs ${id} ${location.claim}${isQuiet ? " 1" : ""}\n`];
      const checks = new InstructionList();
      const moves: string[] = [];
      for (const [index, step] of plan.steps.entries()) {
        parts.push(`qf ${index + 1} ${fileWords(step)}\n`, files[index] ?? NOTHING);
        checks.addNames("pf", [folderOf(step)], [nameOf(step)]);
        const words = plainList([folderOf(step), nameOf(step)]);
        moves.push(`qm ${index + 1} ${words}${step.replaces === "f" ? " r" : ""}`);
      }
      const journals = [placed, unplaced].map((text) => (text === "" ? [] : [journal("", text)]));
      const code = [
        "qc",
        ...shellLines(checks.all()),
        ...(journals[0] ?? []),
        ...moves,
        ...(journals[1] ?? []),
        end(request),
      ];
      return [...parts, `${code.join("&&")}||qx;cd /\n`];
    },
  },
  discard: (id, location, name) => `di ${id} ${quotedList([location.state, name])} ${location.claim}\n`,
};

function flag(value: boolean | undefined): string {
  return value === true ? "1" : "0";
}

function blob(name: string, text: string, { isCompressed }: StageRequest): RequestParts {
  if (text === "") return [];
  const compressed = isCompressed === true ? compressText(text) : undefined;
  if (compressed === undefined) return [`bl ${Buffer.byteLength(text)} ${name}\n${text}`];
  return [`bl ${compressed.packed.length} ${name} ${compressed.bytes}\n`, compressed.packed];
}

function codeBlob(request: StageRequest): RequestParts {
  return longBlob("do", commitCode(request), request);
}

function journalBlobs(request: StageRequest): RequestParts {
  const { placed, unplaced, compacted = "" } = request;
  return [
    ...longBlob("placed", placed, request),
    ...longBlob("unplaced", unplaced, request),
    ...blob("journal", compacted, request),
  ];
}

/** A short text is part of a line of the request. */
function longBlob(name: string, text: string, request: StageRequest): RequestParts {
  return text.length > INLINE_CHARACTERS ? blob(name, text, request) : [];
}

function end({ marker, plan }: CommitRequest): string {
  return `cz ${quoted(splitMarker(marker)[2])} ${plan.count}`;
}

/**
 * The three parts of a marker: the first line, which names the claim; the fields that are constant within a session; and the fields that
 * each commit changes, without trailing blanks where the agent adds them. A marker is JSON, so no text value can contain the key
 * `"snapshot":`.
 */
function splitMarker(marker: string): readonly [claim: string, owner: string, rest: string] {
  const second = marker.indexOf("\n") + 1;
  const at = marker.indexOf('"snapshot":');
  const rest = marker.slice(at);
  const isLong = rest.length > MARKER_TAIL_CHARACTERS;
  return [marker.slice(0, second - 1), marker.slice(second, at), isLong ? rest : rest.trimEnd()];
}

/** The time of a commit, and what is before and after it in the third part of a marker. */
function aroundTime(rest: string): readonly [before: string, time: string, after: string] {
  const found = /^(.*"at":")([0-9TZ:.-]+)(".*)$/.exec(rest);
  if (found === null) throw new TypeError("a marker has no time");
  const [, before = "", time = "", after = ""] = found;
  return [before, time, after];
}

/** True for files whose names a list for `sha256sum -c` can hold: it reads escapes, and ends a line at a carriage return, too. */
function isCheckable(step: PlanStep): boolean {
  return step.op === "f" && !/[\n\r\\]/.test(step.path);
}

/** Files that are checked one by one. */
function oddFiles(plan: CommitPlan): readonly PlanStep[] {
  return plan.steps.filter((step) => step.op === "f" && !isCheckable(step));
}

/** The only staged step of a plan, if it is a large file that is sent as it is: it needs no tar, and the container verifies it while it arrives. */
function largeFile({ plan, isCompressed }: StageRequest): PlanStep | undefined {
  if (isCompressed === true) return undefined;
  const [step, another] = plan.steps.filter(isStaged);
  return another === undefined && step !== undefined && isPlainFile(step) && step.size > DD_BLOCK_BYTES
    ? step
    : undefined;
}

function inlineSums(plan: CommitPlan): string {
  return plan.steps
    .filter(isCheckable)
    .map((step) => `${step.value} ${quoted(step.path)}`)
    .join(" ");
}

const NOTHING = Buffer.alloc(0);

/** Arguments of `rf` for a file. */
function fileWords(step: PlanStep): string {
  return `${step.size} ${maskOf(step)} ${step.value} ${modeWord(step)} ${plain(step.path)}`;
}

function maskOf(step: PlanStep): string {
  return (0o666 & ~step.mode).toString(8).padStart(3, "0");
}

/** The mode of an executable file; a mask cannot set executable bits. */
function modeWord(step: PlanStep): string {
  return (step.mode & 0o111) === 0 ? "-" : step.mode.toString(8);
}

/** For one file that replaces another and needs no journal line: one short line, and the bytes. */
function oneReplacement(request: CommitRequest, files: readonly Uint8Array[]): (string | Uint8Array)[] | undefined {
  const { id, location, plan, placed, unplaced, marker, isQuiet } = request;
  const [step, another] = plan.steps;
  const rest = /^"snapshot":(\d+),"tree":"([0-9a-f]*)"\}$/.exec(splitMarker(marker)[2]);
  if (step?.replaces !== "f" || another !== undefined || placed !== "" || unplaced !== "" || rest === null)
    return undefined;
  const [, snapshot = "", tree = ""] = rest;
  const file = `${step.size} ${maskOf(step)} ${step.value.slice(0, DIGEST_DIGITS)} ${modeWord(step)}`;
  const words = plainList([folderOf(step), nameOf(step), snapshot, tree]);
  return [`q1 ${id} ${location.claim} ${isQuiet ? "1" : "''"} ${file} ${words}\n`, files[0] ?? NOTHING];
}

function isSmallFile(step: PlanStep): boolean {
  return isPlainFile(step) && step.size <= DD_BLOCK_BYTES;
}

/** Its name leaves room for the suffix that it has while it is staged. */
function isPlainFile(step: PlanStep): boolean {
  return step.op === "f" && step.mode <= 0o777 && Buffer.byteLength(nameOf(step)) < MAX_NAME_BYTES;
}
