import type {
  KindRules,
  PodRule,
  RuleChild,
  RuleReason,
  RuleReference,
  RuleResource,
  RuleRoot,
  RuleWatch,
} from "../contract/rules.ts";

type Descriptions<Type> = Readonly<Record<keyof Type, string>>;

const RESOURCE_KEYS: Descriptions<RuleResource> = {
  group: "API group; that of pods is the empty text.",
  version: "Version of the API.",
  kind: "Kind as a manifest has it: Deployment.",
  plural: "Plural as in the path of the API. Default: the kind in lower case with an s, es or ies.",
  namespaced: "Default: true.",
  shortNames: "Further names that kubectl accepts.",
};

/** What the keys of a file of rules mean, as editors show it. A key without a description does not compile. */
export const ROOT_KEYS: Descriptions<RuleRoot> = {
  ...RESOURCE_KEYS,
  versions: "Further versions that the rules fit, in order of preference after `version`.",
};

export const WATCH_KEYS: Descriptions<RuleWatch> = {
  ...RESOURCE_KEYS,
  version: "Version of the API; expressions in braces may read the root.",
  if: "Watch them only where this is true. Default: always.",
  selector:
    "Label selector that narrows the list: app={root.metadata.name}. Owner references decide what belongs to the root.",
  owner: "Which owner references count: the one with `controller: true`, or any. Default: controller.",
  metadataOnly: "Read only the metadata. Default: false.",
  optional: "Go on without them where they may not be read or are not installed. Default: false.",
};

export const REASON_KEYS: Descriptions<RuleReason> = {
  if: "Condition in CEL; what is missing is null, and null is false. Default: always.",
  code: "Stable name of the reason in kebab-case.",
  message: "One sentence without a full stop; expressions in braces. Default: the code in words.",
  evidence: "Values that explain it, by name. Default: what the condition reads.",
};

export const RULE_KEYS: Descriptions<PodRule> = {
  ...REASON_KEYS,
  state: "State of the pod where the condition is true.",
};

const PLACE_KEYS = {
  role: "Name that a user gives a part of the workload.",
  index: "Stable place among the members of its role.",
  labels: "Further properties that mappings can select by.",
} as const;

export const CHILD_KEYS: Descriptions<RuleChild> = {
  ...WATCH_KEYS,
  ...PLACE_KEYS,
  delegate: "The loaded kind of these objects judges their pods; `verdict` is its answer. Default: false.",
  notes: "With delegate: pass on the notes of the child's kind where this is true. Default: always.",
  rules: "First that fits. With delegate, the answer of the child's kind holds where none fits.",
};

export const REFERENCE_KEYS: Descriptions<RuleReference> = {
  ...RESOURCE_KEYS,
  name: "Name of the object; expressions in braces.",
  if: "Read it only where this is true. Default: always.",
  metadataOnly: WATCH_KEYS.metadataOnly,
  optional: WATCH_KEYS.optional,
};

export const RULES_KEYS: Descriptions<KindRules> = {
  $schema: "JSON schema of this file, for editors.",
  name: "Name of the kind, unique among the loaded kinds.",
  root: "The resource of the workloads that the rules are for.",
  let: "Named expressions, for all others.",
  watches: "Objects between the root and its pods.",
  children: "Objects that the root owns itself, and what holds for the pods below them.",
  pods: "Narrows the pods: { selector, owner }.",
  refers: "Objects that the root names and does not own; they appear in `referred`.",
  ...PLACE_KEYS,
  rules: "First that fits; the last has no condition. Default: every live pod is current.",
  notes: "What the user should know about the workload as a whole: each that fits.",
  roles: "The roles that the root's spec names: a list, or an expression that gives one.",
  namespaces: "For cluster-scoped roots: an expression that gives the namespaces that hold its objects.",
  container: "Container that takes files where nothing else names one.",
  infrastructure: "Containers that never take files by default.",
  matchesByLabels: "With a watch missing: does the pod belong to the root by its labels alone?",
};
