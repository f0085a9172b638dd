import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin, MemberState, Reason } from "../../contract/kind.ts";
import type { KubeObject, OwnerReference, Pod } from "../../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { hostKind, type KindEntry } from "../../plugins/host.ts";
import { workloadText } from "../find/check-workload.ts";
import { deadline, untilAborted } from "../../time/deadline.ts";
import { matchOfSelector, matchOfText } from "../../kube/label-selector.ts";
import type { ReflectorPool } from "../../kube/reflector-pool.ts";
import type { Resolution, WorkloadRef } from "../resolution.ts";
import { PODS } from "../../kube/resource-path.ts";
import {
  treeMember,
  treeTargets,
  treeWorkload,
  type TreeMember,
  type TreeOptions,
  type TreeWorkload,
} from "./member-tree.ts";
import { sharedMounts } from "./shared-mounts.ts";
import type { WorkloadWatch } from "../members/watch-options.ts";
import { watchWorkload } from "../members/workload-watch.ts";

/** What `kinsync explain -o json` prints: the tree with the evidence, and with similar pods that are not members. */
export interface Explanation {
  readonly workload: TreeWorkload;
  /** Members as in the tree, then the foreign pods by name. */
  readonly members: readonly ExplainedPod[];
}

export interface ExplainedPod extends Omit<TreeMember, "state"> {
  /** `foreign`: it matches by label, name or owner reference, but the workload does not own it. */
  readonly state: MemberState | "foreign";
  /** Why the pod is listed. */
  readonly matches: readonly ("owner" | "label" | "name")[];
  /** Nearest first, as far as known. */
  readonly owners: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  readonly evidence: NonNullable<Reason["evidence"]>;
}

export interface ExplainOptions {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly ref: WorkloadRef;
  readonly kind: KindPlugin | undefined;
  /** All kinds: they judge the children that a kind delegates. */
  readonly kinds: readonly KindEntry[];
  readonly signal: AbortSignal;
  /** Milliseconds. Default: 30,000. */
  readonly limit?: number;
  readonly targets?: TreeOptions;
}

/** Resolves a workload once. Rejects with the problem that prevented an answer within the time limit. */
export async function resolveOnce(options: Omit<ExplainOptions, "targets">): Promise<Resolution> {
  using limited = deadline(options.signal, options.limit ?? 30_000, `resolve ${workloadText(options.ref)}`);
  await using watch = watchWorkload({ ...options, signal: limited.signal });
  return await firstAnswer(watch, limited.signal, options);
}

/**
 * Explains every pod of the namespace that matches the workload by owner, label or name: its state and why. Rejects as
 * `resolveOnce`.
 */
export async function explainWorkload(options: ExplainOptions): Promise<Explanation> {
  const { ref, kind, reflectors } = options;
  using limited = deadline(options.signal, options.limit ?? 30_000, `explain ${workloadText(ref)}`);
  await using watch = watchWorkload({ ...options, signal: limited.signal });
  // All pods: one that is not a member need not match the label selector of the kind's watch.
  using pods = reflectors.acquire({ resource: PODS, namespace: ref.namespace });
  const resolution = await firstAnswer(watch, limited.signal, options);
  await untilAborted(pods.reflector.whenSettled(), limited.signal);
  const targets = options.targets ?? {};
  const shared = sharedMounts(resolution.members, targets.transport, targets.states);
  const members = resolution.members.map((member): ExplainedPod => ({
    ...treeMember(member),
    matches: matchesOf(member.pod, ref, resolution.root, kind, member.by === "owner").map(({ by }) => by),
    owners: member.owners.map(identity),
    evidence: member.reason.evidence ?? {},
    targets: treeTargets(member, targets, shared),
  }));
  const known = new Set(resolution.members.map(({ uid }) => uid));
  const foreign = [...pods.reflector.store.values()]
    .filter((pod) => !known.has(pod.metadata.uid) && pod.metadata.uid !== resolution.root?.metadata.uid)
    .flatMap((pod) => foreignPod(pod as Pod, ref, resolution.root, kind, watch) ?? [])
    .sort((a, b) => (a.pod < b.pod ? -1 : 1));
  return { workload: treeWorkload(resolution), members: [...members, ...foreign] };
}

async function firstAnswer(
  watch: WorkloadWatch,
  signal: AbortSignal,
  { signal: outer, ref }: Pick<ExplainOptions, "signal" | "ref">,
): Promise<Resolution> {
  try {
    return await untilAborted(watch.ready, signal);
  } catch (error) {
    if (outer.aborted) throw error;
    const [problem] = watch.current?.problems ?? [];
    if (problem !== undefined) throw problem;
    if (isKinsyncError(error)) throw error;
    const message = `Cannot resolve ${workloadText(ref)}: the API server did not answer in time`;
    throw new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", message, { cause: error });
  }
}

interface Match {
  readonly by: "owner" | "label" | "name";
  /** What matched, for messages. */
  readonly text: string;
}

function matchesOf(
  pod: Pod,
  ref: WorkloadRef,
  root: KubeObject | undefined,
  kind: KindPlugin | undefined,
  isOwned: boolean,
): Match[] {
  const matches: Match[] = isOwned ? [{ by: "owner", text: "its owner" }] : [];
  const label = labelMatch(pod, ref, root, kind);
  if (label !== undefined) matches.push({ by: "label", text: label });
  const { name } = pod.metadata;
  if (name === ref.name || name.startsWith(`${ref.name}-`)) matches.push({ by: "name", text: `the name ${ref.name}` });
  return matches;
}

function labelMatch(
  pod: Pod,
  ref: WorkloadRef,
  root: KubeObject | undefined,
  kind: KindPlugin | undefined,
): string | undefined {
  const labels = pod.metadata.labels ?? {};
  const bySelector = matchOfSelector(root?.spec?.["selector"], labels);
  if (bySelector !== undefined) return bySelector;
  if (kind !== undefined && root !== undefined) {
    const host = hostKind(kind);
    const { pods } = host.watches(root);
    const narrowed = (pods === "delegated" ? undefined : pods?.labelSelector) ?? "";
    const byKind = narrowed === "" ? undefined : matchOfText(narrowed, labels);
    if (byKind !== undefined) return byKind;
    if (host.matchesByLabels(root, pod)) return `the labels of kind ${kind.name}`;
  }
  // Labels that name their workload outlive it: jobset-name, ray.io/cluster, workflows.argoproj.io/workflow.
  const naming = Object.entries(labels).find(([, value]) => value === ref.name || value === root?.metadata.uid);
  return naming === undefined ? undefined : `${naming[0]}=${naming[1]}`;
}

function foreignPod(
  pod: Pod,
  ref: WorkloadRef,
  root: KubeObject | undefined,
  kind: KindPlugin | undefined,
  watch: WorkloadWatch,
): ExplainedPod | undefined {
  const chain = chainUp(pod, watch);
  const own = new Map([...watch.owned, ...(root === undefined ? [] : [root])].map((one) => [one.metadata.uid, one]));
  const nameOf = (one: { readonly kind: string; readonly name: string }): string => `${one.kind} ${one.name}`;
  const ownNames = new Map([...own.values()].map((one) => [nameOf(identity(one)), one]));
  ownNames.set(`${ref.resource.kind} ${ref.name}`, root ?? ({ metadata: { uid: "none" } } as KubeObject));
  /** An owner with the name of one of the workload's objects and another UID. */
  const namesake = chain.find((one) => ownNames.has(nameOf(one)) && !own.has(one.uid));
  const weak = pod.metadata.ownerReferences?.find(({ uid }) => own.has(uid));
  const matches = matchesOf(pod, ref, root, kind, namesake !== undefined || weak !== undefined);
  const [first] = matches;
  if (first === undefined) return undefined;
  const last = matches.find(({ by }) => by !== "owner") ?? first;
  const [nearest] = chain;
  let code = "owned-by-another";
  let ownership = `is owned by ${chainText(chain)}`;
  if (nearest === undefined) {
    code = "no-owner";
    ownership = "has no owner";
  } else if (namesake !== undefined) {
    code = "owner-is-former";
    const present = ownNames.get(nameOf(namesake))?.metadata.uid;
    const now =
      present === "none" || present === undefined ? "there is none now" : `the current one has uid ${present}`;
    ownership = `is owned by ${chainText(chain)}, and ${nameOf(namesake)} of that uid no longer exists: ${now}`;
  } else if (weak !== undefined) {
    code = "reference-does-not-control";
    ownership = `names ${nameOf(weak)} as an owner that does not control it`;
  }
  return {
    pod: pod.metadata.name,
    uid: pod.metadata.uid,
    state: "foreign",
    unsettled: false,
    role: undefined,
    index: undefined,
    labels: {},
    code,
    reason: `matches ${last.text}, but ${ownership}`,
    by: "owner",
    targets: [],
    matches: matches.map(({ by }) => by),
    owners: chain.map(({ kind, name, uid }) => ({ kind, name, uid })),
    evidence: {
      ...(root === undefined ? {} : { "root.metadata.uid": root.metadata.uid }),
      ...Object.fromEntries(matches.map(({ by, text }) => [`matches.${by}`, text])),
      ...(nearest === undefined
        ? {}
        : { "owner.kind": nearest.kind, "owner.name": nearest.name, "owner.uid": nearest.uid }),
    },
  };
}

type Identity = Pick<OwnerReference, "kind" | "name" | "uid">;

/** Owners by owner reference, as far as the objects in between are watched. */
function chainUp(pod: Pod, watch: WorkloadWatch): readonly Identity[] {
  const chain: Identity[] = [];
  const seen = new Set([pod.metadata.uid]);
  let object: KubeObject | Pod | undefined = pod;
  while (object !== undefined) {
    const references: readonly OwnerReference[] = object.metadata.ownerReferences ?? [];
    const next: OwnerReference | undefined = references.find(({ controller }) => controller === true) ?? references[0];
    if (next === undefined || seen.has(next.uid)) break;
    seen.add(next.uid);
    chain.push(next);
    object = watch.object(next.uid);
  }
  return chain;
}

function chainText(chain: readonly Identity[]): string {
  return chain.map(({ kind, name, uid }, at) => `${kind} ${name}${at === 0 ? ` (uid ${uid})` : ""}`).join(" of ");
}

function identity(object: KubeObject): Identity {
  return { kind: object.kind, name: object.metadata.name, uid: object.metadata.uid };
}
