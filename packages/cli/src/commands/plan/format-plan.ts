import type { PlannedEntry, PlannedRoot, PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import type { Paint } from "../../render/color.ts";
import { clean } from "../../render/text.ts";
import { formatUnread } from "../../render/summary.ts";
import { bytes, count } from "../../render/units.ts";
import { unreadOf } from "./incomplete.ts";

/** Limits of one list on the screen; `-o json` has all of it. */
const MAX_ENTRIES = 20;
const MAX_PODS = 3;
const MAX_LEFT_OUT = 10;

/** A plan as lines. Containers with the same plan share one block. */
export function formatPlan(
  plan: PlannedWorkload,
  { allowDeletes }: { readonly allowDeletes: boolean },
  paint: Paint,
): readonly string[] {
  const { workload, namespace, targets, sources, others, notes, problems } = plan;
  const blocks = blocksOf(targets);
  return [
    `${paint("bold", clean(workload))}  namespace ${clean(namespace)}, ${count(targets.length, "container")}`,
    ...notes.map((note) => `  ${paint("yellow", clean(note))}`),
    ...sources.map(
      ({ from, to, entries, bytes: size, halted }) =>
        `  ${clean(from)} -> ${clean(to)}: ${halted === undefined ? `${count(entries, "entry", "entries")}, ${bytes(size)}` : paint("red", `stopped: ${clean(halted)}`)}`,
    ),
    ...leftOutLines(plan),
    ...problems.flatMap(({ code, message, hint }) => [
      `  ${paint("red", code)}: ${clean(message)}`,
      `    ${paint("cyan", "hint:")} ${clean(hint)}`,
    ]),
    ...blocks.flatMap((block) =>
      formatBlock(block, { allowDeletes, paint, unreadOf: (mapping) => unreadOf(plan, mapping) }),
    ),
    ...(targets.length === 0 ? ["", "No container would get files."] : []),
    ...(others.length === 0
      ? []
      : ["", `No files for ${count(others.length, "other pod")}:`, ...bounded(others.map(otherLine), MAX_LEFT_OUT)]),
  ];
}

interface Block {
  readonly targets: readonly PlannedTarget[];
  readonly first: PlannedTarget;
}

/** Targets with the same plan, in the order of their first one. */
function blocksOf(targets: readonly PlannedTarget[]): readonly Block[] {
  const blocks = new Map<string, PlannedTarget[]>();
  for (const target of targets) {
    const { pod: _pod, uid: _uid, role: _role, index: _index, ...plan } = target;
    const key = JSON.stringify(plan);
    const block = blocks.get(key);
    if (block === undefined) blocks.set(key, [target]);
    else block.push(target);
  }
  return [...blocks.values()].flatMap((block) => {
    const [first] = block;
    return first === undefined ? [] : [{ targets: block, first }];
  });
}

interface View {
  readonly allowDeletes: boolean;
  readonly paint: Paint;
  /** Number of local paths of a mapping that cannot be read. */
  readonly unreadOf: (mapping: string) => number;
}

function formatBlock({ targets, first }: Block, view: View): readonly string[] {
  const { paint } = view;
  const names = targets.slice(0, MAX_PODS).map(({ pod }) => paint("bold", clean(pod)));
  const more = targets.length > MAX_PODS ? ` and ${targets.length - MAX_PODS} more` : "";
  const agent = first.agent === undefined ? "" : `  agent ${clean(first.agent)}`;
  const head = `${names.join(", ")}${more} [${clean(first.container)}]${agent}`;
  if (first.status === "waiting") return ["", head, `  waiting: ${clean(first.reason ?? "")}`];
  const failure =
    first.problem === undefined
      ? []
      : [
          `  ${paint("red", "would fail")}: ${clean(first.problem.message)}`,
          `    ${paint("cyan", "hint:")} ${clean(first.problem.hint)}`,
        ];
  return [
    "",
    head,
    ...failure,
    ...first.roots.flatMap((root) => formatRoot(root, view)),
    ...first.commands.map((command) => `  ${paint("cyan", "run")} ${clean(command)}`),
  ];
}

function formatRoot(root: PlannedRoot, { allowDeletes, paint, unreadOf: unreadIn }: View): readonly string[] {
  const { written, deleted, needsConsent, origin, through, problem, changesObject } = root;
  const to = clean(root.to);
  if (problem !== undefined) {
    return [
      `  ${to}: ${paint("red", "would fail")}: ${clean(problem.message)}`,
      `    ${paint("cyan", "hint:")} ${clean(problem.hint)}`,
    ];
  }
  if (through !== undefined) return [`  ${to}: written through ${clean(through)}, which has the same volume`];
  if (root.isTrusted === true) return [`  ${to}: assumed up to date (initial: trust)`];
  const unread = unreadIn(root.mapping);
  if (written.length + deleted.length === 0) {
    return [
      `  ${to}: ${unread === 0 ? paint("green", "up to date") : paint("red", `not complete: ${formatUnread(unread)}`)}`,
    ];
  }
  const gone = deleted.length === 0 ? "" : `, delete ${deleted.length}`;
  const consent = needsConsent.length > 0 && !allowDeletes;
  const whose =
    origin === undefined
      ? "that kinsync did not create"
      : `that came from ${clean(origin.folder)} on ${clean(origin.host)}`;
  return [
    `  ${to}: write ${written.length} (${bytes(root.bytes)})${gone}`,
    ...(changesObject === undefined
      ? []
      : [`    ${paint("yellow", `changes an object of the cluster: ${clean(changesObject)}`)}`]),
    ...bounded(
      written.map((entry) => writtenLine(entry, paint)),
      MAX_ENTRIES,
    ),
    ...bounded(
      deleted.map(({ path }) => paint("red", `- ${clean(path)}`)),
      MAX_ENTRIES,
    ),
    ...(consent
      ? [
          `    ${paint("yellow", `${count(needsConsent.length, "path")} ${whose} would be deleted`)}: \`sync\` asks first, or needs --allow-deletes`,
        ]
      : []),
  ];
}

function writtenLine({ op, path, bytes: size, replaces }: PlannedEntry, paint: Paint): string {
  const name = `${clean(path)}${op === "directory" ? "/" : ""}`;
  if (op === "chmod") return `${paint("yellow", "m")} ${name}`;
  const detail = op === "file" ? `  ${bytes(size)}` : op === "link" ? "  link" : "";
  const isChange = replaces !== undefined;
  return `${isChange ? paint("yellow", "~") : paint("green", "+")} ${name}${detail}`;
}

function leftOutLines({ leftOut }: PlannedWorkload): readonly string[] {
  if (leftOut.length === 0) return [];
  const lines = leftOut.map(({ path, rule }) => `${clean(path)}  by ${clean(rule)}`);
  return [`  left out, ${count(leftOut.length, "path")}:`, ...bounded(lines, MAX_LEFT_OUT)];
}

function otherLine({ pod, state, reason }: PlannedWorkload["others"][number]): string {
  return `${clean(pod)}  ${state}: ${clean(reason)}`;
}

/** Indented lines, with `and N more` instead of what is beyond the limit. */
function bounded(lines: readonly string[], limit: number): readonly string[] {
  const shown = lines.length > limit + 1 ? lines.slice(0, limit) : lines;
  const more = lines.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`… and ${more} more`])].map((line) => `    ${line}`);
}
