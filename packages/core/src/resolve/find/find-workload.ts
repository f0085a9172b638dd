import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { KinsyncError } from "../../errors/error.ts";
import { discoverResources, type ServedResource } from "../../kube/api-discovery.ts";
import { checkInServedVersion } from "./other-version.ts";
import { didYouMean, nearestNames } from "../../text/did-you-mean.ts";
import type { WorkloadRef } from "../resolution.ts";
import { PODS, resourceName } from "../../kube/resource-path.ts";
import { loadKind, type KindEntry } from "../../plugins/host.ts";
import { isPodless, podlessError } from "./podless-kinds.ts";
import { namesResource, parseWorkloadName, readKindWord } from "./workload-name.ts";

export { checkWorkload } from "./check-workload.ts";
export { parseWorkloadName } from "./workload-name.ts";

/** Kubernetes' own groups: their kinds win over a CRD of the same name, as with kubectl. */
const NATIVE: ReadonlySet<string> = new Set(["", "apps", "batch"]);

/** Words for resources of Kubernetes' own that a CRD may share, such as Knative's Service. Discovery decides what they name. */
const NATIVE_WORDS: ReadonlySet<string> = new Set(
  "endpoints event events ingress ingresses lease leases namespace namespaces node nodes role roles secret secrets service services".split(
    " ",
  ),
);

/** A workload that exists. */
export interface FoundWorkload {
  readonly ref: WorkloadRef;
  /** Its kind plugin; `undefined`: the rule is "owned and alive". */
  readonly kind: KindPlugin | undefined;
  readonly root: KubeObject;
}

/**
 * Finds an existing workload by its name in kubectl's syntax. One round trip where the word names a loaded kind.
 * Rejects with `KINSYNC_USAGE`, `KINSYNC_RESOLVE_*` or an error of area CLUSTER.
 */
export async function findWorkload(
  cluster: ClusterConnection,
  kinds: readonly KindEntry[],
  text: string,
  options: { readonly namespace?: string; readonly signal: AbortSignal },
): Promise<FoundWorkload> {
  const { kind, name } = parseWorkloadName(text);
  const resource = await findResource(cluster, kinds, kind, options.signal);
  const ref: WorkloadRef = { resource, namespace: options.namespace ?? cluster.namespace, name };
  const entry = kindOf(kinds, resource);
  if (entry === undefined && isPodless(resource)) throw await podlessError(cluster, ref, options.signal);
  const [found, loaded] = await Promise.all([
    checkInServedVersion(cluster, ref, entry, options.signal),
    entry === undefined ? undefined : loadKind(entry),
  ]);
  return { kind: loaded, ...found };
}

/** The kind of a resource, by group and kind. */
export function kindOf<Kind extends KindEntry>(kinds: readonly Kind[], resource: ResourceType): Kind | undefined {
  return kinds.find(({ root }) => root.group === resource.group && root.kind === resource.kind);
}

/**
 * The resource that a word names in any of kubectl's forms: short name, singular, plural, kind, `kind.group`,
 * `plural.version.group`. Without a round trip where the word names exactly one kind (or `pod`), or one of Kubernetes' own; `checkWorkload`
 * then finds out whether the cluster serves it. Rejects with `KINSYNC_RESOLVE_KIND` or `KINSYNC_RESOLVE_AMBIGUOUS`.
 */
export async function findResource(
  cluster: ClusterConnection,
  kinds: readonly KindEntry[],
  text: string,
  signal: AbortSignal,
): Promise<ResourceType> {
  const words = readKindWord(text);
  const loaded = [PODS, ...kinds.map(({ root }) => root)].filter((root) =>
    words.some((word) => namesResource(word, root)),
  );
  const preferred = loaded.filter(({ group }) => NATIVE.has(group));
  const candidates = preferred.length > 0 ? preferred : loaded;
  const [only] = candidates;
  const isCertain =
    preferred.length > 0 || !words.some(({ word, group }) => group === undefined && NATIVE_WORDS.has(word));
  if (only !== undefined && candidates.length === 1 && isCertain) return only;

  const { resources, problems } = await discoverResources(cluster, signal);
  const found = onePerKind(
    resources.filter((resource) => words.some((word) => namesResource(word, resource))),
    kinds,
    words.some((word) => word.version !== undefined),
  );
  const native = found.filter((resource) => NATIVE.has(resource.group));
  const chosen = native.length === 1 ? native : found;
  const [first] = chosen;
  if (first !== undefined && chosen.length === 1) return first;
  if (first !== undefined) {
    const names = chosen.map(fullName).sort();
    throw new KinsyncError("KINSYNC_RESOLVE_AMBIGUOUS", `"${text}" may be any of ${names.join(", ")}`, {
      hint: `Name the group too, such as ${names[0] ?? ""}/NAME.`,
      details: { candidates: names },
    });
  }
  // The kind is loaded but not served: its CRD is not installed.
  const claimed = kinds.find(({ root }) => words.some((word) => namesResource({ ...word, version: undefined }, root)));
  if (claimed !== undefined) throw notInstalled(claimed.root, resources);
  const silent = problems.map((problem) => problem.message);
  throw new KinsyncError(
    "KINSYNC_RESOLVE_KIND",
    `the cluster serves no kind "${text}"${silent.length === 0 ? "" : ` (but ${silent.join("; ")})`}`,
    {
      hint: didYouMean(
        nearestNames(words[0]?.word ?? text, namesOf(resources, kinds)),
        "`kubectl api-resources` lists the kinds.",
      ),
      ...(problems[0] === undefined ? {} : { cause: problems[0] }),
    },
  );
}

/** The error for a resource that is not served, but might be in another version. */
function notInstalled(resource: ResourceType, served: readonly ServedResource[]): KinsyncError {
  const others = served.filter(({ group, kind }) => group === resource.group && kind === resource.kind);
  const versions = others.map(({ version }) => version).join(", ");
  const name = `${resource.kind} (${resourceName(resource)}, ${resource.version})`;
  return new KinsyncError(
    "KINSYNC_RESOLVE_KIND",
    versions === ""
      ? `the cluster has no ${name}: its CRD is not installed`
      : `the cluster has no ${name}: it serves ${versions}`,
    { hint: "Install the controller that defines it. `kubectl api-resources` lists what the cluster serves." },
  );
}

/** One version of each kind: the loaded kind's, otherwise the one that the cluster prefers. */
function onePerKind(
  resources: readonly ServedResource[],
  kinds: readonly KindEntry[],
  isExact: boolean,
): ResourceType[] {
  const chosen = new Map<string, ResourceType>();
  for (const resource of resources) {
    const key = `${resource.group}/${resource.kind}`;
    const wanted = isExact ? undefined : kindOf(kinds, resource)?.root;
    if (wanted?.version === resource.version) chosen.set(key, wanted);
    else if (!chosen.has(key)) chosen.set(key, plain(resource));
  }
  return [...chosen.values()];
}

function plain({ group, version, kind, plural, namespaced, shortNames }: ServedResource): ResourceType {
  return {
    group,
    version,
    kind,
    plural,
    ...(namespaced === undefined ? {} : { namespaced }),
    ...(shortNames === undefined ? {} : { shortNames }),
  };
}

/** `jobset.jobset.x-k8s.io`; with the version for the core group, which has no name. */
function fullName(resource: ResourceType): string {
  const word = resource.kind.toLowerCase();
  return resource.group === "" ? `${word}.${resource.version}.` : `${word}.${resource.group}`;
}

function namesOf(resources: readonly ServedResource[], kinds: readonly KindEntry[]): string[] {
  return [
    ...resources.flatMap(({ plural, kind, shortNames }) => [plural, kind.toLowerCase(), ...(shortNames ?? [])]),
    ...kinds.flatMap(({ root }) => [root.plural, root.kind.toLowerCase()]),
  ];
}
