import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KubeObject } from "@kinsync/core/contract";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import type { History, HistoryTruth, TruthMoment } from "@kinsync/core/testing";
import { describe, expect, test } from "vitest";
import { CONTROLLERS } from "../e2e/cluster/controllers/index.ts";
import { recordedKinds, type KindWithFolder } from "../e2e/harness/recorded-kinds.ts";

const PACKAGES = join(import.meta.dirname, "../packages");

const RECORDED = [undefined, "kubernetes", ...CONTROLLERS.map(({ name }) => name)].flatMap((controller) =>
  recordedKinds(controller),
);

describe.each(RECORDED.filter(({ crossCheck }) => crossCheck !== undefined))("the counts for $folder", (recorded) => {
  const histories = loadHistories(pathToFileURL(`${join(PACKAGES, recorded.folder)}/`));

  test("agree with the recorded truths", () => {
    expect(histories.filter((history) => !countsAgree(recorded, history)).map(({ name }) => name)).toEqual([]);
  });

  test("refuse a truth in which no member is current", () => {
    expect(histories.some((history) => !countsAgree(recorded, changed(history)))).toBe(true);
  });
});

type Alter = (moment: TruthMoment) => TruthMoment;

const KNATIVE = "kind-knative/test/histories";
const LWS = "kind-leaderworkerset/test/histories";
const ofRevisions = (change: (revision: KubeObject) => KubeObject): Alter => {
  return (moment) => ({
    ...moment,
    objects: moment.objects.map((object) => (object.kind === "Revision" ? change(object) : object)),
  });
};

const REPLICA_JOBS = RECORDED.map(({ folder }) => folder).filter((folder) =>
  /kubeflow.*\/(pytorchjob|tfjob|xgboostjob|paddlejob|jaxjob|mpijob-v1)$/.test(folder),
);
const oneMore =
  (count: string): Alter =>
  ({ root, ...moment }) => {
    if (root === undefined) return { root, ...moment };
    const statuses = (root.status?.["replicaStatuses"] ?? {}) as Readonly<
      Record<string, Readonly<Record<string, number>>>
    >;
    const altered = Object.entries(statuses).map(([type, all]) => [type, { ...all, [count]: (all[count] ?? 0) + 1 }]);
    return { ...moment, root: { ...root, status: { ...root.status, replicaStatuses: Object.fromEntries(altered) } } };
  };

const oneMoreGroup =
  (field: string): Alter =>
  ({ root, ...moment }) => ({
    ...moment,
    root: root && { ...root, status: { ...root.status, [field]: Number(root.status?.[field] ?? 0) + 1 } },
  });

/** The StatefulSet of the leaders, named as the LeaderWorkerSet, is of another revision. */
const otherRevision: Alter = ({ objects, ...moment }) => ({
  ...moment,
  objects: objects.map((object) => {
    if (object.kind !== "StatefulSet" || object.metadata.name !== moment.root?.metadata.name) return object;
    const labels = { ...object.metadata.labels, "leaderworkerset.sigs.k8s.io/template-revision-hash": "other" };
    return { ...object, metadata: { ...object.metadata, labels } };
  }),
});

const ALTERED: readonly (readonly [folder: string, what: string, alter: Alter])[] = [
  [
    KNATIVE,
    "an older generation is observed",
    ({ root, ...moment }) => ({
      ...moment,
      root: root && { ...root, status: { ...root.status, observedGeneration: 0 } },
    }),
  ],
  [
    KNATIVE,
    "the traffic leads to other revisions",
    ofRevisions((revision) => {
      const label = "serving.knative.dev/routingState";
      const { labels = {} } = revision.metadata;
      const other = labels[label] === "active" ? "reserve" : "active";
      return { ...revision, metadata: { ...revision.metadata, labels: { ...labels, [label]: other } } };
    }),
  ],
  [
    KNATIVE,
    "a revision has more ready pods",
    ofRevisions((revision) => ({ ...revision, status: { ...revision.status, actualReplicas: 9 } })),
  ],
  [LWS, "one more group exists", oneMoreGroup("replicas")],
  [LWS, "one more group is updated", oneMoreGroup("updatedReplicas")],
  [LWS, "another revision is the newest", otherRevision],
  ...REPLICA_JOBS.flatMap((folder) =>
    ["active", "succeeded", "failed"].map((count) => [folder, `one more is ${count}`, oneMore(count)] as const),
  ),
];

test.each(ALTERED)("the counts for %s refuse a status in which %s", (folder, _, alter) => {
  const recorded = RECORDED.find((each) => each.folder === folder);
  const crossCheck = recorded?.crossCheck;
  if (recorded === undefined || crossCheck === undefined) throw new Error(`nothing counts for ${folder}`);
  const altered = { ...recorded, crossCheck: (moment: TruthMoment) => crossCheck(alter(moment)) };
  const histories = loadHistories(pathToFileURL(`${join(PACKAGES, folder)}/`));
  expect(histories.filter((history) => countsAgree(altered, history)).map(({ name }) => name)).toEqual([]);
});

function countsAgree({ kind, crossCheck, kinds = [] }: KindWithFolder, history: History): boolean {
  let agree = true;
  historyConformance(kind, [history], {
    kinds,
    ...(crossCheck === undefined ? {} : { crossCheck }),
    test: (name, run) => {
      if (!name.endsWith("the controller counts what the truths state")) return;
      try {
        run();
      } catch {
        agree = false;
      }
    },
  });
  return agree;
}

/** The history with truths that call the current members finished. */
function changed(history: History): History {
  const lines = history.lines.map((line) => ("truth" in line ? withoutCurrent(line) : line));
  return { ...history, lines };
}

function withoutCurrent(line: HistoryTruth): HistoryTruth {
  const { workload, members } = line.truth;
  const entries = Object.entries(members).map(
    ([pod, state]) => [pod, state === "current" ? "finished" : state] as const,
  );
  return { ...line, truth: { workload, members: Object.fromEntries(entries) } };
}
