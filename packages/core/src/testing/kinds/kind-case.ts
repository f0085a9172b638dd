import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import type { MemberState } from "../../contract/state.ts";
import { apiVersionOf } from "../../kube/resource-path.ts";
import { isPod } from "./kind-view.ts";

/** What a case expects of one pod. */
export interface ExpectedMember {
  /** Name of the pod. */
  readonly pod: string;
  /** UID of the pod. Needed only where two pods of the case have one name. */
  readonly uid?: string;
  readonly state: MemberState;
  /** Default: the member has no role. */
  readonly role?: string;
  /** Default: the member has no index. */
  readonly index?: string;
  /** Default: the verdict has no labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Expected `reason.code`. */
  readonly reason: string;
  /** Text that `reason.message` contains. Default: not compared. */
  readonly message?: string;
  /** Default: `owner`. */
  readonly by?: "owner" | "labels";
}

/** One scenario: the objects of a namespace, and the expected answers of the kind. */
export interface KindCase {
  /** The scenario, such as `half of the Jobs are of the next attempt`. Unique among the cases. */
  readonly name: string;
  readonly root: KubeObject;
  /** Everything else in the namespace, in any order: objects between, pods, objects of other workloads. */
  readonly objects: readonly KubeObject[];
  /** Every pod that is a member. A pod of `objects` that is not named here must not be a member. */
  readonly members: readonly ExpectedMember[];
  /** Expected codes of the notes, in order. Default: there is no note. */
  readonly notes?: readonly string[];
  /** Expected roles that the root's spec names. Default: not compared. */
  readonly roles?: readonly string[];
  /** Optional watches that are not available, as `plural` or `plural.group`. Default: none. */
  readonly missing?: readonly string[];
  /** What the rule reads in this scenario because its controller does: other names, or other ages, may change the answer. Default: neither. */
  readonly reads?: readonly Readable[];
}

/** What a rule reads only where its controller does: the ordinal in a pod's name, the age that a restart is compared with. */
export type Readable = "names" | "creationTimestamps";

const READABLE: readonly unknown[] = ["names", "creationTimestamps"] satisfies Readable[];

const CASE_KEYS = new Set(["name", "root", "objects", "members", "notes", "roles", "missing", "reads"]);
const MEMBER_KEYS = new Set(["pod", "uid", "state", "role", "index", "labels", "reason", "message", "by"]);

/** Errors of the cases themselves, one sentence each. Empty without errors. */
export function lintKindCases(kind: KindPlugin, cases: readonly KindCase[]): string[] {
  const problems: string[] = cases.length === 0 ? ["there are no cases"] : [];
  const names = new Set<string>();
  for (const one of cases) {
    const complain = (problem: string): void => void problems.push(`case "${one.name}": ${problem}`);
    if (names.has(one.name)) complain("another case has the same name");
    names.add(one.name);
    for (const key of Object.keys(one)) if (!CASE_KEYS.has(key)) complain(`unknown key "${key}"`);
    for (const read of one.reads ?? []) {
      if (!READABLE.includes(read)) complain(`reads "${read}", which is neither ${READABLE.join(" nor ")}`);
    }
    lintRoot(kind, one, complain);
    lintObjects(one, complain);
    lintMembers(one, complain);
  }
  return problems;
}

type Complain = (problem: string) => void;

function lintRoot(kind: KindPlugin, one: KindCase, complain: Complain): void {
  const apiVersion = apiVersionOf(kind.root);
  const versions = [kind.root.version, ...(kind.root.versions ?? [])];
  const isServed = versions.some((version) => one.root.apiVersion === apiVersionOf({ ...kind.root, version }));
  if (one.root.kind !== kind.root.kind || !isServed) {
    complain(`the root is a ${one.root.apiVersion} ${one.root.kind}, the kind's is ${apiVersion} ${kind.root.kind}`);
  }
}

function lintObjects(one: KindCase, complain: Complain): void {
  const uids = new Set([one.root.metadata.uid]);
  for (const { kind, metadata } of one.objects) {
    if (typeof metadata.uid !== "string" || metadata.uid === "") complain(`${kind} ${metadata.name} has no uid`);
    else if (uids.has(metadata.uid))
      complain(`${kind} ${metadata.name} has the uid of another object: ${metadata.uid}`);
    uids.add(metadata.uid);
  }
}

function lintMembers(one: KindCase, complain: Complain): void {
  const pods = one.objects.filter(isPod);
  if (one.members.length === 0 && (one.notes ?? []).length === 0 && pods.length === 0) {
    complain("it expects nothing: no member, no note, and no pod that must not be a member");
  }
  const seen = new Set<string>();
  for (const member of one.members) {
    for (const key of Object.keys(member)) {
      if (!MEMBER_KEYS.has(key)) complain(`member ${member.pod} has the unknown key "${key}"`);
    }
    const matches = pods.filter(
      ({ metadata }) => metadata.name === member.pod && (member.uid === undefined || metadata.uid === member.uid),
    );
    const [match] = matches;
    if (match === undefined) complain(`member ${member.pod} is not one of its pods`);
    else if (matches.length > 1) complain(`${matches.length} pods are named ${member.pod}: give the uid`);
    else if (seen.has(match.metadata.uid)) complain(`member ${member.pod} is expected twice`);
    else seen.add(match.metadata.uid);
  }
}
