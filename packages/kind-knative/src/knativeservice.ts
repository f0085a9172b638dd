import { defineKind, delegatedVerdict, ELIGIBLE_STATES, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Reason,
  ResourceType,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";

const GROUP = { group: "serving.knative.dev", version: "v1" } as const;

const SERVICES: RootType = { ...GROUP, kind: "Service", plural: "services", shortNames: ["kservice", "ksvc"] };
const CONFIGURATIONS: ResourceType = { ...GROUP, kind: "Configuration", plural: "configurations" };
const REVISIONS: ResourceType = { ...GROUP, kind: "Revision", plural: "revisions" };
const DEPLOYMENTS: ResourceType = { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" };

/** Label of everything below a Service of Knative: the Service's name. */
const SERVICE = "serving.knative.dev/service";

/** A target of the traffic. In a spec it names a revision, or leads to the newest one. */
interface Target {
  readonly revisionName?: string;
  readonly latestRevision?: boolean;
  readonly tag?: string;
}

/** A Service of Knative: there are no official types, so the fields that are read are declared here. Any of them may be missing. */
type KnativeService = KubeObject<
  { readonly traffic?: readonly Target[] },
  {
    readonly observedGeneration?: number;
    readonly latestCreatedRevisionName?: string;
    readonly latestReadyRevisionName?: string;
    readonly traffic?: readonly Target[];
  }
>;

/** What one judgement needs of the Service, read once. */
interface Routing {
  readonly generation: number;
  /** `undefined` where the controller has not written a status. */
  readonly observed: number | undefined;
  readonly created: string | undefined;
  readonly isCreatedReady: boolean;
  /** The spec leads traffic to the newest revision, whichever that is. */
  readonly leadsToNewest: boolean;
  /** Tags of each revision that is a target of the traffic, with whatever percentage. */
  readonly routed: ReadonlyMap<string, readonly string[]>;
  readonly isDeleting: boolean;
}

/**
 * The kind of Services of Knative. Revisions that are targets of the traffic get files, several at once and also with 0 percent: Knative keeps
 * their pods. So does the newest one if the traffic is to lead to it, and until it is ready. Each revision has a Deployment, which is left to
 * its own kind: it rolls by itself when the queue proxy changes (serving `pkg/reconciler/{labeler,route,revision,configuration}`).
 */
export function knativeservice(): KindPlugin {
  return defineKind({
    name: "knative-service",
    needs: ["delegate", "labels"],
    root: SERVICES,
    watches,
    judge,
    roles: () => [],
    infrastructure: ["queue-proxy"],
  });
}

function watches(root: KubeObject): WatchPlan {
  const labelSelector = `${SERVICE}=${root.metadata.name}`;
  return {
    watches: [
      { resource: CONFIGURATIONS, labelSelector, metadataOnly: true },
      { resource: REVISIONS, labelSelector, metadataOnly: true },
      { resource: DEPLOYMENTS, labelSelector, delegate: true },
    ],
    pods: "delegated",
  };
}

function judge(view: KindView): Judgement {
  const routing = readRouting(view.root);
  return { pod: (owned) => judgePod(view, routing, owned), notes: notesOf(view, routing) };
}

function readRouting(root: KnativeService): Routing {
  const { spec, status } = root;
  const wanted = spec?.traffic ?? [];
  const routed = new Map<string, readonly string[]>();
  // The route controller moves the traffic a moment after the Service's controller has observed the spec: until then, both count.
  for (const { revisionName = "", tag } of [...(status?.traffic ?? []), ...wanted]) {
    if (revisionName === "") continue;
    const tags = routed.get(revisionName) ?? [];
    routed.set(revisionName, tag === undefined || tags.includes(tag) ? tags : [...tags, tag]);
  }
  return {
    generation: root.metadata.generation ?? 0,
    observed: status?.observedGeneration,
    created: status?.latestCreatedRevisionName,
    isCreatedReady: status?.latestCreatedRevisionName === status?.latestReadyRevisionName,
    leadsToNewest: wanted.length === 0 || wanted.some(isNewest),
    routed,
    isDeleting: root.metadata.deletionTimestamp !== undefined,
  };
}

/** Its default (serving `pkg/apis/serving/v1/route_defaults.go`). */
function isNewest({ revisionName = "", latestRevision = revisionName === "" }: Target): boolean {
  return latestRevision;
}

function judgePod(view: KindView, routing: Routing, owned: OwnedPod): Verdict {
  const revision = owned.owners.find(({ kind }) => kind === "Revision");
  const verdict = delegatedVerdict(view, owned);
  if (verdict === undefined || revision === undefined) {
    return (
      verdictOfInactivePod(owned.pod) ?? {
        state: "unsettled",
        reason: { code: "revision-not-seen", message: "its Revision or the kind of its Deployment is not there yet" },
      }
    );
  }
  const { name } = revision.metadata;
  const [tag] = routing.routed.get(name) ?? [];
  const labels = { ...verdict.labels, revision: name, ...(tag === undefined ? {} : { tag }) };
  const routed = routedState(routing, name);
  const isGoing = routed.state === "superseded" || routed.state === "terminating";
  // A revision without traffic goes, also while its Deployment rolls.
  const isReplaced = ELIGIBLE_STATES.includes(verdict.state) || (verdict.state === "unsettled" && isGoing);
  return { ...verdict, ...(isReplaced ? routed : {}), labels };
}

/** What the traffic says of a live pod of a revision; nothing where its Deployment's verdict holds. */
function routedState(routing: Routing, name: string): Partial<Pick<Verdict, "state" | "reason">> {
  const { generation, observed, created, isCreatedReady, leadsToNewest, routed, isDeleting } = routing;
  const evidence: NonNullable<Reason["evidence"]> = {
    revision: name,
    "status.latestCreatedRevisionName": created ?? null,
    traffic: [...routed.keys()].join(", "),
  };
  if (!isDeleting && (observed === undefined || observed < generation)) {
    const message = `the Service is at generation ${generation}, its controller has seen ${observed ?? 0}`;
    return { state: "unsettled", reason: { code: "generation-not-observed", message, evidence } };
  }
  if (name === created && (routed.has(name) || leadsToNewest || !isCreatedReady)) {
    const traffic = routed.has(name)
      ? "and a target of the traffic"
      : isCreatedReady
        ? "and the traffic moves to it"
        : "and not ready yet";
    const message = `its revision ${name} is the newest one, ${traffic}`;
    return { state: "current", reason: { code: "newest-revision", message, evidence } };
  }
  if (routed.has(name)) {
    const message = `its revision ${name} is a target of the traffic, beside or instead of the newest one, ${created ?? "which is not known"}`;
    return { state: "kept", reason: { code: "takes-traffic", message, evidence } };
  }
  const message = `its revision ${name} is not a target of the traffic, and is scaled to zero after a delay`;
  return isDeleting
    ? {
        state: "terminating",
        reason: { code: "service-deleting", message: `the Service is being deleted, and ${message}`, evidence },
      }
    : { state: "superseded", reason: { code: "no-traffic", message, evidence } };
}

function notesOf(
  { owned, rule }: KindView,
  { created, isCreatedReady, leadsToNewest, routed }: Routing,
): readonly Reason[] {
  const notes: Reason[] = [];
  const evidence = {
    "status.latestCreatedRevisionName": created ?? null,
    traffic: [...routed.keys()].join(", "),
  };
  if (created !== undefined && !isCreatedReady) {
    notes.push({ code: "revision-not-ready", message: `the newest revision ${created} is not ready yet`, evidence });
  } else if (created !== undefined && routed.size > 0 && !routed.has(created) && !leadsToNewest) {
    notes.push({
      code: "traffic-pinned",
      message: `the traffic goes to ${[...routed.keys()].join(", ")}, and none to the newest revision ${created}`,
      evidence,
    });
  }
  const deployments = owned.filter(
    ({ kind, metadata }) => kind === "Deployment" && isRouted(metadata.ownerReferences, routed, created),
  );
  // Knative scales to zero by itself; with all revisions at zero there is no pod, and that is as it should be.
  const ofDeployments = deployments.flatMap((deployment) => rule(deployment)?.notes ?? []);
  if (
    deployments.length > 0 &&
    ofDeployments.filter(({ code }) => code === "scaled-to-zero").length === deployments.length
  ) {
    notes.push({
      code: "scaled-to-zero",
      message: "the Service is scaled to zero: pods start with the next request",
      evidence,
    });
  }
  return [...notes, ...ofDeployments.filter(({ code }) => code !== "scaled-to-zero")];
}

function isRouted(
  owners: KubeObject["metadata"]["ownerReferences"],
  routed: ReadonlyMap<string, unknown>,
  created: string | undefined,
): boolean {
  return (owners ?? []).some(({ kind, name }) => kind === "Revision" && (routed.has(name) || name === created));
}
