import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import { differences } from "./count-states.ts";

const REVISION = "serving.knative.dev/revision";
/** Label with which Knative says whether a Route leads to a Revision: the autoscaler keeps its pods then. */
const ROUTING_STATE = "serving.knative.dev/routingState";

interface ServiceStatus {
  readonly observedGeneration?: number;
  readonly latestCreatedRevisionName?: string;
}

interface RevisionStatus {
  readonly actualReplicas?: number;
}

/**
 * Compares a truth with what Knative's controllers write to Revisions: whether a Route leads there (`syncRoutingMeta`, serving
 * `pkg/reconciler/labeler/metasync.go`), and how many pods are ready (`PropagateAutoscalerStatus`, `pkg/apis/serving/v1/revision_lifecycle.go`).
 * @returns the differences
 */
export function knativeRevisions(moment: TruthMoment): readonly string[] {
  const { truth, root, objects } = moment;
  if (root === undefined) return ["the Service does not exist"];
  const { observedGeneration = 0, latestCreatedRevisionName }: ServiceStatus = root.status ?? {};
  const stateOf = ({ metadata }: KubeObject): string | undefined => truth.truth.members[metadata.name];
  const living = objects.filter(
    (object) => object.kind === "Pod" && ["current", "kept", "superseded"].includes(stateOf(object) ?? ""),
  );
  const revisions = objects.filter(({ kind }) => kind === "Revision");
  return [
    ...differences("is the generation", root.metadata.generation ?? 0, "observedGeneration", observedGeneration),
    ...revisions.flatMap(({ metadata: { name, labels = {} }, status }) => {
      const own = living.filter((pod) => pod.metadata.labels?.[REVISION] === name);
      const isActive = labels[ROUTING_STATE] === "active";
      const expected = !isActive ? "superseded" : name === latestCreatedRevisionName ? "current" : "kept";
      const wrong = own.filter((pod) => stateOf(pod) !== expected);
      const { actualReplicas = 0 }: RevisionStatus = status ?? {};
      return [
        ...wrong.map((pod) => `${pod.metadata.name} is ${stateOf(pod)}, its Revision makes it ${expected}`),
        ...(own.length < actualReplicas ? [`${own.length} pods of ${name} live, it counts ${actualReplicas}`] : []),
      ];
    }),
  ];
}
