import { defineKind, narrowedTo, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Reason,
  Reference,
  ResourceType,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { POD_HASH, present, readRollout } from "./fields.ts";
import { notesOf } from "./notes.ts";
import { readProgress, type Progress } from "./progress.ts";

const ROLLOUTS: RootType = {
  group: "argoproj.io",
  version: "v1alpha1",
  kind: "Rollout",
  plural: "rollouts",
  shortNames: ["ro"],
};
const REPLICA_SETS: ResourceType = { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets" };

/** What `spec.workloadRef` may name. */
const WORKLOADS: readonly ResourceType[] = [
  { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" },
  REPLICA_SETS,
  { group: "", version: "v1", kind: "PodTemplate", plural: "podtemplates" },
];

/**
 * The kind of Argo Rollouts.
 *
 * The status names the hashes: `currentPodHash` is the wanted one, `stableRS` the one that is known to work. Both take traffic during a
 * rollout. After an abort the stable one counts, although the other is younger (argo-rollouts `rollout/{canary,bluegreen}.go`).
 */
export function rollout(): KindPlugin {
  return defineKind({
    name: "rollout",
    needs: ["referred", "roles"],
    root: ROLLOUTS,
    watches,
    judge,
    roles: (root) => (isBlueGreen(root) ? ["active", "preview"] : ["stable", "canary"]),
  });
}

function isBlueGreen(root: KubeObject): boolean {
  return readRollout(root).spec?.strategy?.blueGreen !== undefined;
}

/** ReplicaSets and pods that stop matching are released, so the selector loses nothing. Experiments and analyses are not watched. */
function watches(root: KubeObject): WatchPlan {
  const { spec } = readRollout(root);
  const narrowed = narrowedTo(spec?.selector);
  const reference = referenceOf(root);
  return {
    watches: [{ resource: REPLICA_SETS, ...narrowed, metadataOnly: true }],
    pods: narrowed,
    ...(reference === undefined ? {} : { refers: [reference] }),
  };
}

/** The object that the template comes from. Its generation tells whether the controller has seen its last change. */
function referenceOf(root: KubeObject): Reference | undefined {
  const { kind, name } = readRollout(root).spec?.workloadRef ?? {};
  const resource = WORKLOADS.find((each) => each.kind === kind);
  if (resource === undefined || present(name) === undefined || name === undefined) return undefined;
  return { resource, name, metadataOnly: true, optional: true };
}

function judge(view: KindView): Judgement {
  const progress = readProgress(view);
  return {
    pod: (owned) => {
      const role = roleOf(progress, isBlueGreen(view.root), owned);
      return {
        ...(verdictOfInactivePod(owned.pod) ?? judgeLivePod(progress, owned)),
        ...(role === undefined ? {} : { role }),
      };
    },
    notes: notesOf(view, progress),
  };
}

function hashOf({ owners, pod }: OwnedPod): string | undefined {
  return (owners[0] ?? pod).metadata.labels?.[POD_HASH];
}

function roleOf({ wanted, stable, active }: Progress, blueGreen: boolean, owned: OwnedPod): string | undefined {
  const hash = hashOf(owned);
  if (hash === undefined) return undefined;
  if (hash === (blueGreen ? (active ?? stable) : stable)) return blueGreen ? "active" : "stable";
  if (hash === wanted) return blueGreen ? "preview" : "canary";
  return undefined;
}

type State = Pick<Verdict, "state" | "reason">;

function judgeLivePod(progress: Progress, owned: OwnedPod): State {
  const { wanted, stable } = progress;
  const [replicaSet] = owned.owners;
  const hash = hashOf(owned);
  const evidence: NonNullable<Reason["evidence"]> = {
    [POD_HASH]: hash ?? null,
    "status.currentPodHash": wanted ?? null,
    "status.stableRS": stable ?? null,
  };
  if (replicaSet?.metadata.deletionTimestamp !== undefined) {
    return {
      state: "terminating",
      reason: {
        code: "replicaset-deleting",
        message: `its ReplicaSet ${replicaSet.metadata.name} is being deleted, and the pod goes with it`,
        evidence: { ...evidence, "replicaset.metadata.deletionTimestamp": replicaSet.metadata.deletionTimestamp },
      },
    };
  }
  if (hash === undefined || (wanted === undefined && stable === undefined)) {
    const missing =
      hash === undefined ? "it has no hash of its pod template" : "the Rollout's status names no revision";
    return { state: "unsettled", reason: { code: "hash-unknown", message: `${missing} yet`, evidence } };
  }
  const state = judgeHash(progress, hash, evidence);
  return state.state === "current" || state.state === "kept" ? (restartOf(progress, owned) ?? state) : state;
}

function judgeHash(progress: Progress, hash: string, evidence: NonNullable<Reason["evidence"]>): State {
  const { wanted, stable, active, preview, isAborted, unseen, isDeleting } = progress;
  if (hash === stable && (wanted === stable || isAborted)) {
    const message = isAborted
      ? "the rollout was aborted, and it is of the stable revision"
      : "it is of the stable revision";
    return { state: "current", reason: { code: "stable", message: `${message} ${hash}`, evidence } };
  }
  if (hash === wanted && unseen !== undefined && !isDeleting) return { state: "unsettled", reason: unseen };
  if (hash === wanted && isAborted) {
    return replaced(progress, {
      code: "aborted",
      message: `the rollout to revision ${hash} was aborted, the stable one is ${stable ?? "not known"}`,
      evidence: { ...evidence, "status.abort": true },
    });
  }
  if (hash === wanted) {
    return { state: "current", reason: { code: "wanted", message: `it is of the wanted revision ${hash}`, evidence } };
  }
  if (hash === stable) {
    const message = `it is of the stable revision ${hash}, which runs beside ${wanted ?? "the wanted one"} until that is promoted`;
    return { state: "kept", reason: { code: "stable-beside-newer", message, evidence } };
  }
  if (hash === active || hash === preview) {
    const message = `the ${hash === active ? "active" : "preview"} Service of the Rollout leads to its revision ${hash}`;
    return { state: "kept", reason: { code: "in-service", message, evidence } };
  }
  return replaced(progress, {
    code: "hash-other",
    message: `it is of revision ${hash}, neither the wanted nor the stable one of the Rollout, and is scaled down after a delay`,
    evidence,
  });
}

/**
 * `restartAt` replaces the pods that are older, one by one, also within one revision. It may lie in the future, and a kind has no clock:
 * an older pod is kept until it goes.
 */
function restartOf({ restartAt }: Progress, { pod }: OwnedPod): State | undefined {
  const created = pod.metadata.creationTimestamp;
  if (restartAt === undefined || created === undefined || !(Date.parse(created) < Date.parse(restartAt)))
    return undefined;
  return {
    state: "kept",
    reason: {
      code: "restart-pending",
      message: `it was created before ${restartAt}, from when on the controller restarts older pods one by one`,
      evidence: { "spec.restartAt": restartAt, "metadata.creationTimestamp": created },
    },
  };
}

/** What the controller scales down; for a Rollout that is being deleted it does nothing more. */
function replaced({ isDeleting }: Progress, reason: Reason): State {
  if (!isDeleting) return { state: "superseded", reason };
  return {
    state: "terminating",
    reason: { ...reason, code: "rollout-deleting", message: `the Rollout is being deleted, and ${reason.message}` },
  };
}
