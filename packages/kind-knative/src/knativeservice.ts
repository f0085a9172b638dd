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

/** A Service of Knative: there are no official types, so the fields that are read are declared here. Any of them may be missing. */
type KnativeService = KubeObject<
  object,
  {
    readonly observedGeneration?: number;
    readonly latestCreatedRevisionName?: string;
    readonly latestReadyRevisionName?: string;
    readonly traffic?: readonly { readonly revisionName?: string; readonly percent?: number; readonly tag?: string }[];
  }
>;

/** What one judgement needs of the Service, read once. */
interface Routing {
  readonly generation: number;
  /** `undefined` where the controller has not written a status. */
  readonly observed: number | undefined;
  readonly created: string | undefined;
  readonly isCreatedReady: boolean;
  /** Tags of each revision that takes traffic or has a tag. */
  readonly routed: ReadonlyMap<string, readonly string[]>;
  readonly isDeleting: boolean;
}

/**
 * The kind of Services of Knative. Revisions that the traffic leads to get files, several at once, and so does the newest one until it is
 * ready. Each revision has a Deployment, which is left to its own kind: it rolls by itself when the queue proxy changes (serving
 * `pkg/reconciler/{route,revision,configuration}`).
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
  const { status } = root;
  const routed = new Map<string, readonly string[]>();
  for (const { revisionName, percent = 0, tag } of status?.traffic ?? []) {
    if (revisionName === undefined || (percent === 0 && tag === undefined)) continue;
    routed.set(revisionName, [...(routed.get(revisionName) ?? []), ...(tag === undefined ? [] : [tag])]);
  }
  return {
    generation: root.metadata.generation ?? 0,
    observed: status?.observedGeneration,
    created: status?.latestCreatedRevisionName,
    isCreatedReady: status?.latestCreatedRevisionName === status?.latestReadyRevisionName,
    routed,
    isDeleting: root.metadata.deletionTimestamp !== undefined,
  };
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
  const { generation, observed, created, isCreatedReady, routed, isDeleting } = routing;
  const evidence: NonNullable<Reason["evidence"]> = {
    revision: name,
    "status.latestCreatedRevisionName": created ?? null,
    "status.traffic": [...routed.keys()].join(", "),
  };
  if (!isDeleting && (observed === undefined || observed < generation)) {
    const message = `the Service is at generation ${generation}, its controller has seen ${observed ?? 0}`;
    return { state: "unsettled", reason: { code: "generation-not-observed", message, evidence } };
  }
  if (name === created && (routed.has(name) || !isCreatedReady)) {
    const message = `its revision ${name} is the newest one${routed.has(name) ? " and takes traffic" : ", and takes traffic once it is ready"}`;
    return { state: "current", reason: { code: "newest-revision", message, evidence } };
  }
  if (routed.has(name)) {
    const message = `its revision ${name} takes traffic, beside or instead of the newest one, ${created ?? "which is not known"}`;
    return { state: "kept", reason: { code: "takes-traffic", message, evidence } };
  }
  const message = `its revision ${name} takes no traffic, and is scaled to zero after a delay`;
  return isDeleting
    ? {
        state: "terminating",
        reason: { code: "service-deleting", message: `the Service is being deleted, and ${message}`, evidence },
      }
    : { state: "superseded", reason: { code: "no-traffic", message, evidence } };
}

function notesOf({ owned, rule }: KindView, { created, isCreatedReady, routed }: Routing): readonly Reason[] {
  const notes: Reason[] = [];
  const evidence = {
    "status.latestCreatedRevisionName": created ?? null,
    "status.traffic": [...routed.keys()].join(", "),
  };
  if (created !== undefined && !isCreatedReady) {
    notes.push({ code: "revision-not-ready", message: `the newest revision ${created} is not ready yet`, evidence });
  } else if (created !== undefined && routed.size > 0 && !routed.has(created)) {
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
