import { defineKind, narrowedTo, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  ResourceType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { REVISION, readDeployment, revisionOf } from "./fields.ts";
import type { Deployment } from "./fields.ts";
import { noteOf } from "./note.ts";

const DEPLOYMENTS: ResourceType = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
};
const REPLICA_SETS: ResourceType = {
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
};

/** What one judgement needs, read once. */
interface Rollout {
  readonly root: KubeObject;
  readonly fields: Deployment;
  /** The Deployment's revision annotation. */
  readonly wanted: number | undefined;
  /** Highest revision among the owned ReplicaSets, and how many have it. */
  readonly highest: number | undefined;
  readonly holders: number;
}

/**
 * The kind of `apps` Deployments.
 *
 * A pod is current if its ReplicaSet has the highest `deployment.kubernetes.io/revision` of those that the Deployment owns, and
 * that is no less than the Deployment's own annotation. The controller gives the ReplicaSet that it rolls to a number above all
 * others, also when a rollback takes up an old one (`SetNewReplicaSetAnnotations`, k8s
 * `pkg/controller/deployment/util/deployment_util.go`), so ages say nothing and are not read.
 */
export function deployment(): KindPlugin {
  return defineKind({ name: "deployment", root: DEPLOYMENTS, watches, judge, roles: () => [] });
}

function watches(root: KubeObject): WatchPlan {
  // ReplicaSets and pods that stop matching are released by their controllers, so the selector loses nothing.
  const narrowed = narrowedTo(readDeployment(root).spec?.selector);
  return { watches: [{ resource: REPLICA_SETS, ...narrowed, metadataOnly: true }], pods: narrowed };
}

function judge(view: KindView): Judgement {
  const revisions = view.owned.map(revisionOf).filter((revision) => revision !== undefined);
  const highest = revisions.length === 0 ? undefined : Math.max(...revisions);
  const rollout: Rollout = {
    root: view.root,
    fields: readDeployment(view.root),
    wanted: revisionOf(view.root),
    highest,
    holders: revisions.filter((revision) => revision === highest).length,
  };
  const note = noteOf(view.root);
  return {
    pod: (owned) => verdictOfInactivePod(owned.pod) ?? judgeLivePod(rollout, owned),
    notes: note === undefined ? [] : [note],
  };
}

function judgeLivePod(rollout: Rollout, owned: OwnedPod): Verdict {
  const { root, fields, wanted, highest } = rollout;
  const replicaSet = owned.owners[0];
  if (replicaSet === undefined) {
    return {
      state: "current",
      reason: {
        code: "owned-directly",
        message: "the Deployment owns it without a ReplicaSet, so it has no revision to be behind of",
        evidence: { "root.metadata.uid": root.metadata.uid },
      },
    };
  }
  const { name } = replicaSet.metadata;
  const revision = revisionOf(replicaSet);
  const generation = root.metadata.generation ?? 0;
  const observed = fields.status?.observedGeneration ?? 0;
  const deleting = root.metadata.deletionTimestamp !== undefined;
  const evidence = {
    "replicaset.metadata.uid": replicaSet.metadata.uid,
    [`replicaset ${REVISION}`]: revision ?? null,
    [`deployment ${REVISION}`]: wanted ?? null,
  };
  if (replicaSet.metadata.deletionTimestamp !== undefined) {
    return {
      state: "terminating",
      reason: {
        code: "replicaset-deleting",
        message: `its ReplicaSet ${name} is being deleted, and the pod goes with it`,
        evidence: { ...evidence, "replicaset.metadata.deletionTimestamp": replicaSet.metadata.deletionTimestamp },
      },
    };
  }
  if (observed < generation && !deleting) {
    return {
      state: "unsettled",
      reason: {
        code: "generation-not-observed",
        message: `the Deployment has just changed; waiting for its controller (generation ${generation}, observed ${observed})`,
        evidence: { ...evidence, "metadata.generation": generation, "status.observedGeneration": observed },
      },
    };
  }
  if (revision === undefined || highest === undefined) {
    return {
      state: "unsettled",
      reason: {
        code: "replicaset-without-revision",
        message: `its ReplicaSet ${name} has no revision number yet`,
        evidence,
      },
    };
  }
  if (wanted !== undefined && highest < wanted) {
    return {
      state: "unsettled",
      reason: {
        code: "revision-not-seen",
        message: `the Deployment is at revision ${wanted}, the highest that a ReplicaSet has here is ${highest}`,
        evidence,
      },
    };
  }
  if (revision < highest) {
    const message = `its ReplicaSet ${name} is on revision ${revision}; the current one is ${highest}`;
    return deleting
      ? {
          state: "terminating",
          reason: { code: "deployment-deleting", message: `the Deployment is being deleted, and ${message}`, evidence },
        }
      : { state: "superseded", reason: { code: "revision-behind", message, evidence } };
  }
  if (rollout.holders > 1) {
    return {
      state: "unsettled",
      reason: {
        code: "revision-not-unique",
        message: `${rollout.holders} ReplicaSets have revision ${highest}, so the Deployment's is not numbered yet`,
        evidence,
      },
    };
  }
  return {
    state: "current",
    reason: {
      code: "at-revision",
      message: `its ReplicaSet ${name} is on the current revision (${revision})`,
      evidence,
    },
  };
}
