import type { CommitPlan } from "../commit/commit-plan.ts";
import type { AgentProtocol } from "./agent-protocol.ts";

/**
 * The protocol of the interpreter agents: `OP ID LENGTH`, a newline, and LENGTH bytes of fields. NUL separates the fields, because no
 * path contains it.
 */
export const fieldsProtocol: AgentProtocol = {
  rawNames: false,
  ping: (id, location, needle) => request("ping", id, location === undefined ? [] : [location.state, needle]),
  inventory: (id, root, paths, depth) =>
    request("inventory", id, [root.path, root.shape, root.key, root.inPlace ? "1" : "0", depth, ...paths]),
  claim: (id, root, _name, marker) =>
    request("claim", id, [root.path, root.shape, root.key, root.inPlace ? "1" : "0", marker]),
  stage: ({ id, location, name, plan, inPlace }) =>
    request("stage", id, [location.root, location.state, name, inPlace ? "1" : "0", ...stepsText(plan)]),
  afterStage: () => "",
  needsEndOfArchive: true,
  commit: ({ id, stage, needle, marker, placed, unplaced, compacts, compacted }) =>
    request("commit", id, [String(stage), needle, marker, placed, unplaced, (compacts && compacted) || ""]),
  discard: (id, location, name) => request("discard", id, [location.state, name]),
};

/** Encoded steps by plan: sessions that receive the same plan share them. */
const encoded = new WeakMap<CommitPlan, string>();

/** Six fields for each step, already joined; empty for a plan without steps. */
function stepsText(plan: CommitPlan): readonly string[] {
  if (plan.steps.length === 0) return [];
  let text = encoded.get(plan);
  if (text === undefined) {
    text = plan.steps
      .flatMap((step) => [
        step.op,
        step.path,
        step.mode.toString(8),
        String(step.size),
        step.value,
        `${step.moves ? "m" : "-"}${step.replaces}`,
      ])
      .join("\0");
    encoded.set(plan, text);
  }
  return [text];
}

function request(op: string, id: number, fields: readonly string[]): string {
  const payload = fields.join("\0");
  return `${op} ${id} ${Buffer.byteLength(payload)}\n${payload}`;
}
