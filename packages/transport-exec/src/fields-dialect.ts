import type { Dialect } from "./dialect.ts";
import type { CommitPlan } from "./commit-plan.ts";

/**
 * The dialect of the interpreter agents: `OP ID LENGTH`, a newline, and LENGTH bytes of fields that are separated by NUL, the one
 * byte that no path has.
 */
export const fieldsDialect: Dialect = {
  rawNames: false,
  ping: (id, place, needle) => request("ping", id, place === undefined ? [] : [place.state, needle]),
  inventory: (id, root, paths, depth) =>
    request("inventory", id, [root.path, root.shape, root.key, root.inPlace ? "1" : "0", depth, ...paths]),
  claim: (id, root, _name, marker) =>
    request("claim", id, [root.path, root.shape, root.key, root.inPlace ? "1" : "0", marker]),
  stage: ({ id, place, name, plan, inPlace }) =>
    request("stage", id, [place.root, place.state, name, inPlace ? "1" : "0", ...stepFields(plan)]),
  afterStage: () => "",
  needsEndOfArchive: true,
  commit: ({ id, stage, needle, marker, placed, unplaced, compacts, compacted }) =>
    request("commit", id, [String(stage), needle, marker, placed, unplaced, (compacts && compacted) || ""]),
  discard: (id, place, name) => request("discard", id, [place.state, name]),
};

/** Six fields for each step. */
function* stepFields(plan: CommitPlan): Generator<string> {
  for (const step of plan.steps) {
    yield step.op;
    yield step.path;
    yield step.mode.toString(8);
    yield String(step.size);
    yield step.value;
    yield `${step.moves ? "m" : "-"}${step.replaces}`;
  }
}

function request(op: string, id: number, fields: readonly string[]): string {
  const payload = fields.join("\0");
  return `${op} ${id} ${Buffer.byteLength(payload)}\n${payload}`;
}
