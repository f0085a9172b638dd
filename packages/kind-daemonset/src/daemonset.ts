import { defineKind, narrowedTo, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Pod,
  Reason,
  ResourceType,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import {
  POD_GENERATION,
  projectRevision,
  readDaemonSet,
  readRevision,
  REVISION_HASH,
  TEMPLATE_GENERATION,
} from "./fields.ts";
import { notesOf } from "./note.ts";

const DAEMON_SETS: RootType = {
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
};
const REVISIONS: ResourceType = {
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
};

/** What one judgement needs of the DaemonSet, read once. */
interface Update {
  readonly root: KubeObject;
  readonly isDeleting: boolean;
  readonly isOnDelete: boolean;
  readonly generation: number;
  readonly observed: number;
  /** How often the template has changed, as the API server counts it. */
  readonly templateGeneration: string | undefined;
  /** The controller wants pods on some node, and reports that none of them is of its current revision. */
  readonly hasNoneUpdated: boolean;
  /** Highest number of the owned ControllerRevisions, and their hashes with that number. */
  readonly highest: number | undefined;
  readonly hashes: readonly (string | undefined)[];
  readonly canReadRevisions: boolean;
}

/**
 * The kind of `apps` DaemonSets.
 *
 * A pod is current if its `controller-revision-hash` is that of the owned ControllerRevision with the highest `revision`. The controller
 * gives the revision that it rolls to the highest number, also when a rollback reuses an old one (`constructHistory`, k8s
 * `pkg/controller/daemon/update.go`), so ages say nothing and are not read.
 */
export function daemonset(): KindPlugin {
  return defineKind({ name: "daemonset", root: DAEMON_SETS, watches, judge, roles: () => [] });
}

function watches(root: KubeObject): WatchPlan {
  const narrowed = narrowedTo(readDaemonSet(root).spec?.selector);
  return {
    watches: [{ resource: REVISIONS, ...narrowed, optional: true, project: projectRevision }],
    pods: narrowed,
  };
}

function judge(view: KindView): Judgement {
  const update = readUpdate(view);
  return {
    pod: (owned) => ({
      ...(verdictOfInactivePod(owned.pod) ?? judgeLivePod(update, owned)),
      ...(owned.pod.spec.nodeName === undefined ? {} : { index: owned.pod.spec.nodeName }),
    }),
    notes: notesOf(view),
  };
}

function readUpdate({ root, owned, missing }: KindView): Update {
  const { spec, status } = readDaemonSet(root);
  const revisions = owned.flatMap((object) => {
    const { revision } = readRevision(object);
    return revision === undefined ? [] : [{ revision, hash: object.metadata.labels?.[REVISION_HASH] }];
  });
  const highest = revisions.length === 0 ? undefined : Math.max(...revisions.map(({ revision }) => revision));
  return {
    root,
    isDeleting: root.metadata.deletionTimestamp !== undefined,
    isOnDelete: spec?.updateStrategy?.type === "OnDelete",
    generation: root.metadata.generation ?? 0,
    observed: status?.observedGeneration ?? 0,
    templateGeneration: root.metadata.annotations?.[TEMPLATE_GENERATION],
    hasNoneUpdated: (status?.desiredNumberScheduled ?? 0) > 0 && (status?.updatedNumberScheduled ?? 0) === 0,
    highest,
    hashes: revisions.filter(({ revision }) => revision === highest).map(({ hash }) => hash),
    canReadRevisions: missing.length === 0,
  };
}

type State = Pick<Verdict, "state" | "reason">;

function judgeLivePod(update: Update, { pod }: OwnedPod): State {
  const { generation, observed, highest, hashes } = update;
  if (observed < generation && !update.isDeleting) {
    return {
      state: "unsettled",
      reason: {
        code: "generation-not-observed",
        message: `the DaemonSet is at generation ${generation}, its controller has seen ${observed}`,
        evidence: { "metadata.generation": generation, "status.observedGeneration": observed },
      },
    };
  }
  if (!update.canReadRevisions) return judgeByGeneration(update, pod);
  const [wanted, ...others] = hashes;
  if (highest === undefined || wanted === undefined) {
    return {
      state: "unsettled",
      reason: {
        code: "revision-unknown",
        message: "no ControllerRevision of the DaemonSet has been seen yet",
        evidence: { "metadata.uid": update.root.metadata.uid },
      },
    };
  }
  if (others.length > 0) {
    return {
      state: "unsettled",
      reason: {
        code: "revision-not-unique",
        message: `${hashes.length} ControllerRevisions have the number ${highest}, so the current one is not numbered yet`,
        evidence: { revision: highest },
      },
    };
  }
  const hash = pod.metadata.labels?.[REVISION_HASH];
  const evidence = { [REVISION_HASH]: hash ?? null, "current revision": wanted, revision: highest };
  if (hash !== wanted)
    return behind(update, `it is of revision ${hash ?? "none"}, the DaemonSet is at ${wanted}`, evidence);
  // Status and ControllerRevisions arrive by two watches; the status of a new revision may come first. With `maxSurge` the status
  // counts the older pod of a node only (`updateDaemonSetStatus`), so it proves nothing against a pod of the template's generation.
  if (update.hasNoneUpdated && !isOfTemplate(update, pod)) {
    return {
      state: "unsettled",
      reason: {
        code: "status-counts-none",
        message: `it is of revision ${hash}, but the controller reports that no pod is of its current revision`,
        evidence: { ...evidence, "status.updatedNumberScheduled": 0 },
      },
    };
  }
  return {
    state: "current",
    reason: { code: "at-revision", message: `it is of revision ${hash}, and so is the DaemonSet`, evidence },
  };
}

/** The controller made the pod from the current template. */
function isOfTemplate({ templateGeneration }: Update, { metadata }: Pod): boolean {
  return templateGeneration !== undefined && metadata.labels?.[POD_GENERATION] === templateGeneration;
}

/** Without ControllerRevisions. An equal generation proves that a pod is current; a rollback leaves current pods with an older one. */
function judgeByGeneration(update: Update, pod: Pod): State {
  const { templateGeneration } = update;
  const generation = pod.metadata.labels?.[POD_GENERATION];
  const evidence = { [POD_GENERATION]: generation ?? null, [TEMPLATE_GENERATION]: templateGeneration ?? null };
  if (generation !== undefined && generation === templateGeneration) {
    return {
      state: "current",
      reason: {
        code: "at-template-generation",
        message: `it is of template generation ${generation}, and so is the DaemonSet`,
        evidence,
      },
    };
  }
  if (update.isOnDelete) return behind(update, `it is of template generation ${generation ?? "none"}`, evidence);
  return {
    state: "unsettled",
    reason: {
      code: "template-generation-differs",
      message: `it is of template generation ${generation ?? "none"}, the DaemonSet is at ${templateGeneration ?? "none"}; only ControllerRevisions tell whether the DaemonSet was rolled back to the pod's revision`,
      evidence,
    },
  };
}

/** A pod of another revision: the controller replaces it, or leaves that to the user, or does nothing more for a DaemonSet that goes. */
function behind({ isDeleting, isOnDelete }: Update, message: string, evidence: NonNullable<Reason["evidence"]>): State {
  if (isOnDelete) {
    return {
      state: "kept",
      reason: { code: "kept-on-delete", message: `${message}; it stays until someone deletes it (OnDelete)`, evidence },
    };
  }
  if (isDeleting) {
    return {
      state: "terminating",
      reason: { code: "daemonset-deleting", message: `the DaemonSet is being deleted, and ${message}`, evidence },
    };
  }
  return { state: "superseded", reason: { code: "revision-behind", message, evidence } };
}
