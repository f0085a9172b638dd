import type { ResourceType } from "./resource.ts";
import type { MemberState } from "./state.ts";

/** A CEL expression in which a missing field is `null`. See docs/reference/rules.md. */
export type Expression = string;

/** A text with expressions in braces: `app={root.metadata.name}`. As a whole it is missing where one of them is `null`. */
export type Template = string;

/** A resource in rules: the plural is the kind in lower case with an `s`, `es` or `ies` where none is given. */
export interface RuleResource extends Omit<ResourceType, "plural"> {
  /** Default: made of the kind. */
  readonly plural?: string;
}

/** The resource of the workloads that the rules are for. */
export interface RuleRoot extends RuleResource {
  /** Further versions that the rules fit, in order of preference after `version`. Default: none. */
  readonly versions?: readonly string[];
}

/** Objects between root and pods. */
export interface RuleWatch extends Omit<RuleResource, "version"> {
  /** API version: `v1`. */
  readonly version: Template;
  /** Watch them only where this is true. Default: always. */
  readonly if?: Expression;
  /** Label selector that narrows the list; owner references decide what belongs to the root. Default: none. */
  readonly selector?: Template;
  /** Which owner references count: the one with `controller: true`, or any. Default: `controller`. */
  readonly owner?: "controller" | "any";
  /** Read only the metadata. Default: `false`. */
  readonly metadataOnly?: boolean;
  /** Go on without them where they may not be read or are not installed. Default: `false`. */
  readonly optional?: boolean;
}

/** Objects that the root owns itself, and what holds for the pods below them. */
export interface RuleChild extends RuleWatch, RulePlace {
  /** The loaded kind of these objects judges their pods, and `verdict` is its answer. Default: `false`. */
  readonly delegate?: boolean;
  /** With `delegate`: pass on the notes of the child's kind where this is true. Default: always. */
  readonly notes?: Expression;
  /** First that fits. With `delegate`, the answer of the child's kind holds where none fits. Default: those of the file. */
  readonly rules?: readonly PodRule[];
}

/** What a verdict has besides its state. */
export interface RulePlace {
  /** Name that a user gives a part of the workload. Default: none. */
  readonly role?: Expression;
  /** Stable place among the members of its role. Default: none. */
  readonly index?: Expression;
  /** Further properties that mappings can select by. Default: none. */
  readonly labels?: Readonly<Record<string, Expression>>;
}

/** A condition and what holds where it is true. */
export interface RuleReason {
  /** Default: always. */
  readonly if?: Expression;
  /** Kebab-case and stable, such as `revision-behind`. */
  readonly code: string;
  /** One sentence without a full stop. Default: the code in words. */
  readonly message?: Template;
  /** Values that explain it, by name. Default: what the condition reads. */
  readonly evidence?: Readonly<Record<string, Expression>>;
}

/** A rule for one pod. */
export interface PodRule extends RuleReason {
  /** What pods are that the rule fits. */
  readonly state: MemberState;
}

/** An object that the root names and does not own. */
export interface RuleReference extends RuleResource {
  /** Of the object, in the namespace of the root. */
  readonly name: Template;
  /** Read it only where this is true. Default: always. */
  readonly if?: Expression;
  /** Read only the metadata. Default: `false`. */
  readonly metadataOnly?: boolean;
  /** Continue without it where it may not be read or is not installed. Default: `false`. */
  readonly optional?: boolean;
}

/** A kind as data: what a file of rules contains. */
export interface KindRules extends RulePlace {
  /** JSON schema of the file, for editors. It has no effect. */
  readonly $schema?: string;
  /** Unique among the loaded kinds. */
  readonly name: string;
  /** The resource of the workloads that the rules are for. */
  readonly root: RuleRoot;
  /** Named expressions, for all others. Each is evaluated once, and only where it is used. */
  readonly let?: Readonly<Record<string, Expression>>;
  /** Objects between root and pods. Default: none. */
  readonly watches?: readonly RuleWatch[];
  /** Objects that the root owns itself. Default: none. */
  readonly children?: readonly RuleChild[];
  /** Narrows the pods, and names which of their owner references count. Default: every pod of the namespace, by its controller. */
  readonly pods?: { readonly selector?: Template; readonly owner?: "controller" | "any" };
  /** Objects that the root names and does not own. Default: none. */
  readonly refers?: readonly RuleReference[];
  /** First that fits. The last has no condition. Default: every live pod is current. */
  readonly rules?: readonly PodRule[];
  /** What the user should know about the workload as a whole: each that fits. */
  readonly notes?: readonly RuleReason[];
  /** The roles that the root's spec names: a list of texts, or an expression that gives one. Default: not known. */
  readonly roles?: readonly string[] | Expression;
  /** For cluster-scoped roots: the namespaces that hold its objects. */
  readonly namespaces?: Expression;
  /** Container that takes files where nothing else names one. Default: the first that is not a sidecar. */
  readonly container?: Expression;
  /** Containers that never take files by default. */
  readonly infrastructure?: readonly string[];
  /** With a watch missing: does the pod belong to the root by its labels alone? Default: no pod does. */
  readonly matchesByLabels?: Expression;
}
