import type { Judgement, OwnedPod, Reason, Reference, Verdict, Watch, WatchPlan } from "../contract/kind.ts";
import type { ResourceType } from "../contract/resource.ts";
import { isMemberState, MEMBER_STATES } from "../contract/state.ts";
import { answer, describe, isRecord, isText, unknownField } from "./host-error.ts";

const JUDGEMENT_FIELDS = { pod: true, notes: true } as const satisfies Record<keyof Judgement, true>;
const VERDICT_FIELDS = {
  state: true,
  role: true,
  index: true,
  labels: true,
  reason: true,
} as const satisfies Record<keyof Verdict, true>;
const PLAN_FIELDS = { watches: true, pods: true, refers: true } as const satisfies Record<keyof WatchPlan, true>;
const PODS_FIELDS = { labelSelector: true, owner: true } as const;
const WATCH_FIELDS = {
  resource: true,
  labelSelector: true,
  owner: true,
  metadataOnly: true,
  optional: true,
  project: true,
  delegate: true,
} as const satisfies Record<keyof Watch, true>;
const REFERENCE_FIELDS = {
  resource: true,
  name: true,
  metadataOnly: true,
  optional: true,
  project: true,
} as const satisfies Record<keyof Reference, true>;

/** The judgement as it is. Throws where it is not one. */
export function checkedJudgement(judgement: Judgement): Judgement {
  if (!isRecord(judgement) || typeof judgement.pod !== "function") {
    throw answer(`judge returned ${describe(judgement)} instead of { pod: function }`);
  }
  checkFields(judgement, JUDGEMENT_FIELDS, "judge returned an unknown field");
  return judgement;
}

export function checkedNotes(notes: readonly Reason[]): readonly Reason[] {
  if (!Array.isArray(notes)) throw answer(`judge returned notes that are ${describe(notes)} instead of a list`);
  for (const note of notes as readonly Reason[]) checkedReason(note, "a note");
  return notes;
}

export function checkedVerdict(verdict: Verdict, owned: OwnedPod): Verdict {
  const pod = owned.pod.metadata.name;
  if (!isRecord(verdict)) throw answer(`returned ${describe(verdict)} for pod ${pod} instead of a verdict`);
  if (!isMemberState(verdict.state)) {
    throw answer(`returned state ${describe(verdict.state)} for pod ${pod}; states are ${MEMBER_STATES.join(", ")}`);
  }
  if (verdict.role !== undefined && typeof verdict.role !== "string") {
    throw answer(`returned role ${describe(verdict.role)} for pod ${pod}; a role is a string`);
  }
  if (verdict.index !== undefined && typeof verdict.index !== "string") {
    throw answer(`returned index ${describe(verdict.index)} for pod ${pod}; an index is a string`);
  }
  if (verdict.labels !== undefined) checkLabels(verdict.labels, pod);
  checkFields(verdict, VERDICT_FIELDS, `returned an unknown field for pod ${pod}`);
  checkedReason(verdict.reason, `its verdict for pod ${pod}`);
  return verdict;
}

export function checkedTexts(texts: unknown, operation: string): readonly string[] {
  if (!Array.isArray(texts) || !texts.every(isText)) {
    throw answer(`${operation} returned ${describe(texts)} instead of a list of names`);
  }
  return texts;
}

export function checkedPlan(plan: WatchPlan): WatchPlan {
  if (!isRecord(plan) || !Array.isArray(plan.watches)) {
    throw answer(`watches returned ${describe(plan)} instead of { watches: [...] }`);
  }
  checkFields(plan, PLAN_FIELDS, "watches returned an unknown field");
  for (const watch of plan.watches as readonly Watch[]) {
    checkSource(watch, WATCH_FIELDS);
    const { plural, group } = watch.resource;
    checkOwner(watch.owner, plural);
    checkSelector(watch.labelSelector, plural);
    if (watch.delegate !== true) continue;
    if (group === "" && plural === "pods") {
      throw answer("watches delegates pods; only objects between root and pods can be delegated");
    }
    const reducing = watch.metadataOnly === true ? "metadataOnly" : "project";
    if (watch[reducing] !== undefined) {
      throw answer(`the watch of ${plural} is delegated and has \`${reducing}\`, but its kind needs the whole object`);
    }
  }
  if (plan.refers !== undefined && !Array.isArray(plan.refers)) {
    throw answer(`refers is ${describe(plan.refers)}; it is a list`);
  }
  for (const reference of plan.refers ?? []) {
    checkSource(reference, REFERENCE_FIELDS);
    if (!isText(reference.name)) {
      throw answer(`refers names an object of ${reference.resource.plural} with the name ${describe(reference.name)}`);
    }
  }
  if (plan.pods !== undefined && plan.pods !== "delegated") {
    if (!isRecord(plan.pods)) throw answer(`pods is ${describe(plan.pods)}; it is an object or "delegated"`);
    checkFields(plan.pods, PODS_FIELDS, "pods has an unknown field");
    checkOwner(plan.pods.owner, "pods");
    checkSelector(plan.pods.labelSelector, "pods");
  }
  return plan;
}

function checkSource(source: Watch | Reference, fields: Readonly<Record<string, true>>): void {
  const resource: ResourceType | undefined = isRecord(source) ? source.resource : undefined;
  if (!isRecord(resource) || typeof resource.group !== "string" || !isText(resource.version)) {
    throw answer("watches names a resource without group and version");
  }
  if (!isText(resource.kind) || !isText(resource.plural)) {
    throw answer("watches names a resource without kind and plural");
  }
  checkFields(source, fields, `the watch of ${resource.plural} has an unknown field`);
  if (source.project !== undefined && typeof source.project !== "function") {
    throw answer(`project of ${resource.plural} is not a function`);
  }
}

function checkOwner(owner: unknown, what: string): void {
  if (owner !== undefined && owner !== "controller" && owner !== "any") {
    throw answer(`owner of ${what} is ${describe(owner)}; it is "controller" or "any"`);
  }
}

function checkSelector(selector: unknown, what: string): void {
  if (selector !== undefined && typeof selector !== "string") {
    throw answer(`labelSelector of ${what} is ${describe(selector)}; it is a string`);
  }
}

function checkLabels(labels: unknown, pod: string): void {
  if (!isRecord(labels)) throw answer(`returned labels ${describe(labels)} for pod ${pod}; labels are an object`);
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value !== "string") {
      throw answer(`returned label ${name} ${describe(value)} for pod ${pod}; the value of a label is a string`);
    }
  }
}

function checkedReason(reason: Reason, where: string): void {
  if (!isRecord(reason) || !isText(reason.code) || !isText(reason.message)) {
    throw answer(`${where} has no reason with code and message`);
  }
  if (reason.evidence !== undefined && !isRecord(reason.evidence)) {
    throw answer(`${where} has evidence that is not an object: ${describe(reason.evidence)}`);
  }
}

function checkFields(value: object, fields: Readonly<Record<string, true>>, what: string): void {
  const unknown = unknownField(value, fields);
  if (unknown !== undefined) throw answer(`${what} \`${unknown.field}\`${unknown.hint}`);
}
