import { defineKind, delegatedVerdict, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Pod,
  Reason,
  ResourceType,
  Verdict,
} from "@kinsync/core/contract";
import { noteOfManager } from "./notes.ts";

const TRAIN_JOBS: ResourceType = {
  group: "trainer.kubeflow.org",
  version: "v1alpha1",
  kind: "TrainJob",
  plural: "trainjobs",
};
const JOBSETS: ResourceType = { group: "jobset.x-k8s.io", version: "v1alpha2", kind: "JobSet", plural: "jobsets" };

/** The only value of `spec.managedBy` that the trainer itself acts on; an absent one means the same. */
const TRAINER = "trainer.kubeflow.org/trainjob-controller";
/** Container of the role `node`, which runs the training. */
const NODE = "node";

/** The part of a TrainJob that is read. Any field may be missing. */
type TrainJob = KubeObject<{ readonly managedBy?: string; readonly suspend?: boolean }>;

/**
 * The kind of TrainJobs. A TrainJob owns one JobSet of its own name, which is left to the kind of JobSets. TrainingRuntimes are templates
 * and own nothing (trainer `pkg/runtime/framework/plugins/jobset/jobset.go`).
 */
export function trainjob(): KindPlugin {
  return defineKind({
    name: "trainjob",
    needs: ["delegate"],
    root: TRAIN_JOBS,
    watches: () => ({ watches: [{ resource: JOBSETS, delegate: true }], pods: "delegated" }),
    judge: (view) => ({ pod: (owned) => judgePod(view, owned), notes: notesOf(view) }),
    defaultContainer,
  });
}

function judgePod(view: KindView, owned: OwnedPod): Verdict {
  return (
    delegatedVerdict(view, owned) ??
    verdictOfInactivePod(owned.pod) ?? {
      state: "unsettled",
      reason: { code: "jobset-not-judged", message: "no kind judges the JobSet that owns it" },
    }
  );
}

function defaultContainer({ spec }: Pod): string | undefined {
  return spec.containers.some(({ name }) => name === NODE) ? NODE : undefined;
}

function notesOf({ root, owned, rule }: KindView): readonly Reason[] {
  const { spec }: TrainJob = root;
  const jobsets = owned.filter(({ kind }) => kind === "JobSet");
  const notes = [...noteOfManager("TrainJob", spec?.managedBy, [TRAINER])];
  if (jobsets.length === 0) {
    notes.push({
      code: "no-jobset",
      message: "the JobSet of the TrainJob is not there yet",
      evidence: { "metadata.uid": root.metadata.uid },
    });
  }
  return [...notes, ...jobsets.flatMap((jobset) => rule(jobset)?.notes ?? [])];
}
