import { commitInstructions } from "../commit/commit-instructions.ts";
import { isStaged, type CommitPlan } from "../commit/commit-plan.ts";
import type { Instruction } from "../commit/instruction-list.ts";
import type { AgentProtocol, CommitRequest } from "./agent-protocol.ts";
import { compressText, type RequestText } from "./request-text.ts";

/**
 * The protocol of the interpreter agents: `OPERATION ID LENGTH`, a newline, and LENGTH bytes of fields. NUL separates the fields,
 * because no path contains it. `OPERATION ID LENGTH SIZE` precedes a gzip member of LENGTH bytes for SIZE bytes of fields.
 */
export const fieldsProtocol: AgentProtocol = {
  rawNames: false,
  ping: (id, location, needle) => request("ping", id, location === undefined ? [] : [location.state, needle]),
  inventory: (id, root, paths, depth) =>
    request("inventory", id, [root.path, root.shape, root.key, root.inPlace ? "1" : "0", depth, ...paths]),
  claim: (id, root, _name, marker, run) =>
    request("claim", id, [root.path, root.shape, root.key, root.inPlace ? "1" : "0", marker, run]),
  signature: ({ id, location, path = "", kept = "", blockBytes }) =>
    request("signature", id, [location.root, path, String(blockBytes), location.state, kept]),
  stage: ({ id, location, name, plan, isCompressed, patched }) => {
    const members = patched === undefined ? membersText(plan) : [membersOfPlan(plan, patched).join("\0")];
    return longRequest("stage", id, [String(location.claim), name, ...members], isCompressed);
  },
  afterStage: () => "",
  needsEndOfArchive: true,
  commit(commit) {
    const { id, stage, needle, marker, plan, isCompressed } = commit;
    const fields = [String(stage), needle, marker, String(plan.count), ...instructionFields(commit)];
    return longRequest("commit", id, fields, isCompressed);
  },
  discard: (id, location, name) => request("discard", id, [location.state, name]),
};

/** Encoded members by plan: sessions that receive the same plan share them. */
const membersOf = new WeakMap<CommitPlan, readonly string[]>();

/** Five fields for each staged path, already joined; nothing for a plan that stages nothing. */
function membersText(plan: CommitPlan): readonly string[] {
  let text = membersOf.get(plan);
  if (text === undefined) {
    const fields = membersOfPlan(plan);
    membersOf.set(plan, (text = fields.length === 0 ? [] : [fields.join("\0")]));
  }
  return text;
}

/** @param patched paths of files that arrive as patches */
function membersOfPlan(plan: CommitPlan, patched?: ReadonlySet<string>): readonly string[] {
  return plan.steps.filter(isStaged).flatMap((step) => {
    const op = patched?.has(step.path) === true ? "p" : step.op;
    return [op, step.path, step.mode.toString(8), String(step.size), step.value];
  });
}

/** Encoded lists of instructions. Sessions at equal locations share the list of a plan. */
const encoded = new WeakMap<readonly Instruction[], readonly string[]>();

/** All instructions of a commit in their order, already joined. */
function instructionFields(commit: CommitRequest): readonly string[] {
  const { plan, location, inPlace, placed, unplaced, compacts, compacted = "", isStale, isJoint } = commit;
  const { checks, changes } = commitInstructions(plan, location, inPlace);
  return [
    ...(compacts && compacted !== "" ? encode({ word: "jn", arguments: [compacted] }) : []),
    ...(isStale ? encode({ word: "tt", arguments: [] }) : []),
    ...encodeList(checks),
    ...journal(placed),
    ...encodeList(changes),
    ...journal(unplaced),
    ...(isJoint ? encode({ word: "wt", arguments: [] }) : []),
  ];
}

function journal(text: string): readonly string[] {
  return text === "" ? [] : encode({ word: "ja", arguments: [text] });
}

function encodeList(list: readonly Instruction[]): readonly string[] {
  let fields = encoded.get(list);
  if (fields === undefined) {
    const all = list.flatMap((instruction) => encode(instruction));
    encoded.set(list, (fields = all.length === 0 ? [] : [all.join("\0")]));
  }
  return fields;
}

function encode(instruction: Instruction): readonly string[] {
  return [instruction.word, String(instruction.arguments.length), ...instruction.arguments];
}

function request(operation: string, id: number, fields: readonly string[]): string {
  const payload = fields.join("\0");
  return `${operation} ${id} ${Buffer.byteLength(payload)}\n${payload}`;
}

function longRequest(operation: string, id: number, fields: readonly string[], isCompressed = false): RequestText {
  const compressed = isCompressed ? compressText(fields.join("\0")) : undefined;
  if (compressed === undefined) return request(operation, id, fields);
  const { packed, bytes } = compressed;
  return [`${operation} ${id} ${packed.length} ${bytes}\n`, packed];
}
