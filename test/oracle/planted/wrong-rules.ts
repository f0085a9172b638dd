import { defineKind, type KindPlugin, type KubeObject, type OwnedPod, type Verdict } from "@kinsync/core/contract";

/** A wrong rule, made of the right one. */
export interface WrongRule {
  readonly name: string;
  readonly plant: (kind: KindPlugin) => KindPlugin;
  /** Names of the oracles that must refute it. */
  readonly kinds: readonly string[];
}

type Replace = (verdict: Verdict, owned: OwnedPod, all: readonly KubeObject[]) => Verdict;

/** Replaces the verdict of every pod. */
function answering(name: string, kinds: readonly string[], replace: Replace): WrongRule {
  return {
    name,
    kinds,
    plant: (kind) =>
      defineKind({
        ...kind,
        judge: (view) => {
          const judgement = kind.judge(view);
          return { ...judgement, pod: (owned) => replace(judgement.pod(owned), owned, view.owned) };
        },
      }),
  };
}

/** Reads other objects than there are. */
function misreading(name: string, kind: string, change: (object: KubeObject) => KubeObject): WrongRule {
  return {
    name,
    kinds: [kind],
    plant: (right) =>
      defineKind({
        ...right,
        judge: (view) => right.judge({ ...view, root: change(view.root), owned: view.owned.map(change) }),
      }),
  };
}

function from(state: Verdict["state"], to: Verdict["state"]): Replace {
  return (verdict) => (verdict.state === state ? { ...verdict, state: to } : verdict);
}

function withStatus(status: object): (object: KubeObject) => KubeObject {
  return (object) => (object.status === undefined ? object : { ...object, status: { ...object.status, ...status } });
}

function withoutField(field: string): (object: KubeObject) => KubeObject {
  return (object) => (object.spec === undefined ? object : { ...object, spec: { ...object.spec, [field]: undefined } });
}

/** The mistake that kinsync exists to avoid. */
const newestOwner: Replace = (verdict, { owners }, all) => {
  const newest = all.map(({ metadata }) => metadata.creationTimestamp ?? "").reduce((a, b) => (a > b ? a : b), "");
  const isNewest = owners.some(({ metadata }) => metadata.creationTimestamp === newest);
  if (verdict.state !== "current" && verdict.state !== "superseded") return verdict;
  return { ...verdict, state: isNewest ? "current" : "superseded" };
};

const OWNERS_BETWEEN = [
  "deployment",
  "cronjob",
  "jobset",
  "leaderworkerset",
  "rollout",
  "rayservice",
  "mpijob",
  "knative-service",
  "appwrapper",
];
const ROLES = [
  "jobset",
  "leaderworkerset",
  "rollout",
  "raycluster",
  "rayjob",
  "rayservice",
  "trainjob",
  "mpijob",
  "pytorchjob",
  "volcano-job",
];
const INDEXES = [
  "statefulset",
  "daemonset",
  "job",
  "cronjob",
  "jobset",
  "leaderworkerset",
  "trainjob",
  "mpijob",
  "tfjob",
  "volcano-job",
  "kruise-statefulset",
];

/** @param all names of all oracles */
export function wrongRules(all: readonly string[]): readonly WrongRule[] {
  return [
    answering("the newest owner replaces the older ones", OWNERS_BETWEEN, newestOwner),
    answering(
      "obsolete pods get files",
      [
        "deployment",
        "statefulset",
        "daemonset",
        "jobset",
        "leaderworkerset",
        "rollout",
        "rayjob",
        "rayservice",
        "trainjob",
        "cloneset",
        "kruise-statefulset",
        "volcano-job",
        "knative-service",
      ],
      from("superseded", "kept"),
    ),
    answering("pods on their way out get files", all, from("terminating", "current")),
    answering("pods that have ended get files", all, from("finished", "current")),
    answering(
      "pods that stay on purpose get none",
      [
        "statefulset",
        "daemonset",
        "leaderworkerset",
        "rollout",
        "raycluster",
        "pytorchjob",
        "rayservice",
        "cloneset",
        "kruise-statefulset",
        "knative-service",
      ],
      from("kept", "superseded"),
    ),
    answering("every role is the same", ROLES, (verdict) => ({ ...verdict, role: "main" })),
    answering("every index is one too high", INDEXES, ({ index, ...verdict }) => ({
      ...verdict,
      index: `${index ?? ""}1`,
    })),
    misreading("the youngest ControllerRevision is the present one", "daemonset", (object) =>
      object.kind === "ControllerRevision"
        ? ({ ...object, revision: Date.parse(object.metadata.creationTimestamp ?? "") } as KubeObject)
        : object,
    ),
    misreading("the current revision of a StatefulSet is the wanted one", "statefulset", (object) =>
      withStatus({ updateRevision: object.status?.["currentRevision"] })(object),
    ),
    misreading("restarts of a JobSet do not matter", "jobset", withStatus({ restarts: 0 })),
    misreading("restarts of single Jobs do not matter", "jobset", withStatus({ replicatedJobsStatus: [] })),
    misreading("an abort does not matter", "rollout", withStatus({ abort: false })),
    misreading("versions of a Job of Volcano do not matter", "volcano-job", withStatus({ version: 0 })),
    misreading("a rollback of a RayService does not matter", "rayservice", withStatus({ conditions: [] })),
    misreading("the status of a RayJob does not matter", "rayjob", withStatus({ jobDeploymentStatus: "Running" })),
    misreading("the phase of an AppWrapper does not matter", "appwrapper", withStatus({ phase: "Running" })),
    misreading("the traffic of a Service of Knative does not matter", "knative-service", withStatus({ traffic: [] })),
    misreading(
      "the traffic that a Service of Knative is to move does not matter",
      "knative-service",
      withoutField("traffic"),
    ),
    misreading("a partition does not matter", "leaderworkerset", withoutField("rolloutStrategy")),
    misreading("holes in the ordinals do not matter", "kruise-statefulset", withoutField("reserveOrdinals")),
  ];
}
