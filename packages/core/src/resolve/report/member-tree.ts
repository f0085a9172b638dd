import { ELIGIBLE_STATES, type MemberState } from "../../contract/state.ts";
import type { Member, Resolution } from "../resolution.ts";
import type { TransportPlugin } from "../../contract/transport.ts";
import { selectContainer } from "../select/containers.ts";
import { sharedMounts, type SharedMount } from "./shared-mounts.ts";

/** The output of `kinsync tree -o json`. Field names are stable. */
export interface WorkloadTree {
  readonly workload: TreeWorkload;
  readonly members: readonly TreeMember[];
}

export interface TreeWorkload {
  /** CamelCase, as in the API. */
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** `undefined` while it does not exist. */
  readonly uid: string | undefined;
  /** Name of the kind plugin that judged; `undefined`: the rule is "owned and alive". */
  readonly rule: string | undefined;
  /** What the user should know about the workload as a whole. */
  readonly notes: readonly { readonly code: string; readonly message: string }[];
  readonly problems: readonly { readonly code: string; readonly message: string; readonly hint: string }[];
}

export interface TreeMember {
  readonly pod: string;
  readonly uid: string;
  readonly state: MemberState;
  /** The kind gave `unsettled`; `state` is the previous state. */
  readonly unsettled: boolean;
  readonly role: string | undefined;
  readonly index: string | undefined;
  /** Further properties that mappings can select by. */
  readonly labels: Readonly<Record<string, string>>;
  /** Code of the reason. */
  readonly code: string;
  readonly reason: string;
  readonly by: Member["by"];
  readonly targets: readonly TreeTarget[];
}

export interface TreeTarget {
  readonly container: string;
  readonly containerId: string | undefined;
  /** `waiting` or `running`, or the status that a running `up` reports. */
  readonly status: string;
  readonly reason: string | undefined;
  readonly snapshot: number | undefined;
  /** Folders whose files other containers of the workload have, too. */
  readonly shared: readonly SharedMount[];
}

export interface TreeOptions {
  /** Determines which containers share folders. Absent: not known. */
  readonly transport?: TransportPlugin;
  /** Container by name or by a part of its image. Default: as `selectContainer`. */
  readonly container?: string;
  readonly image?: string;
  /** Members in these states have targets. Default: `current` and `kept`. */
  readonly states?: readonly MemberState[];
  /** The status of a target, where it is known. */
  readonly statusOf?: (
    member: Member,
    container: string,
  ) => { readonly status: string; readonly snapshot?: number } | undefined;
}

/** A resolution as data for scripts. */
export function treeOf(resolution: Resolution, options: TreeOptions = {}): WorkloadTree {
  const { members } = resolution;
  const shared = sharedMounts(members, options.transport, options.states);
  return {
    workload: treeWorkload(resolution),
    members: members.map((member) => ({ ...treeMember(member), targets: treeTargets(member, options, shared) })),
  };
}

export function treeWorkload(resolution: Resolution): TreeWorkload {
  const { resource, name, namespace } = resolution.workload;
  return {
    kind: resource.kind,
    name,
    namespace,
    uid: resolution.root?.metadata.uid,
    rule: resolution.kind,
    notes: resolution.notes.map(({ code, message }) => ({ code, message })),
    problems: resolution.problems.map(({ code, message, hint }) => ({ code, message, hint })),
  };
}

export function treeMember(member: Member): Omit<TreeMember, "targets"> {
  const { name, uid, state, unsettled, role, index, labels, reason, by } = member;
  return { pod: name, uid, state, unsettled, role, index, labels, code: reason.code, reason: reason.message, by };
}

export function treeTargets(
  member: Member,
  options: TreeOptions,
  shared: ReadonlyMap<string, readonly SharedMount[]>,
): readonly TreeTarget[] {
  const states = options.states ?? ELIGIBLE_STATES;
  if (!states.includes(member.state)) return [];
  const chosen = selectContainer(member, {
    ...(options.container === undefined ? {} : { name: options.container }),
    ...(options.image === undefined ? {} : { image: options.image }),
  });
  if ("missing" in chosen) return [];
  const known = options.statusOf?.(member, chosen.name);
  return [
    {
      container: chosen.name,
      containerId: chosen.runningId,
      status: known?.status ?? (chosen.runningId === undefined ? "waiting" : "running"),
      reason: chosen.waiting,
      snapshot: known?.snapshot,
      shared: shared.get(`${member.uid}/${chosen.name}`) ?? [],
    },
  ];
}
