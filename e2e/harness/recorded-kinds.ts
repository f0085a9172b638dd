import type { RecordedKind } from "@kinsync/core/testing";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { rollout } from "@kinsync/kind-rollout";
import { statefulset } from "@kinsync/kind-statefulset";
import { deploymentCounts } from "../../test/support/controller-counts/deployment.ts";
import { jobSetCounts } from "../../test/support/controller-counts/jobset.ts";
import { rolloutCounts } from "../../test/support/controller-counts/rollout.ts";
import { statefulSetCounts } from "../../test/support/controller-counts/statefulset.ts";

/** A kind, and where its histories are. */
export interface KindWithFolder extends RecordedKind {
  /** Folder of the histories below `packages`. */
  readonly folder: string;
}

const BUILT_IN_CONTROLLERS: readonly KindWithFolder[] = [
  { folder: "kind-deployment/test/histories", kind: deployment(), crossCheck: deploymentCounts },
  { folder: "kind-jobset/test/histories", kind: jobset(), crossCheck: jobSetCounts },
  {
    folder: "kind-statefulset/test/histories",
    kind: statefulset(),
    crossCheck: statefulSetCounts,
    extraResources: [{ group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions" }],
  },
];

const OTHER_CONTROLLERS: Readonly<Record<string, readonly KindWithFolder[]>> = {
  "argo-rollouts": [{ folder: "kind-rollout/test/histories", kind: rollout(), crossCheck: rolloutCounts }],
};

/** The kinds whose histories the situations record: those of a controller of another project, or of the cluster's own ones. */
export function recordedKinds(controller: string | undefined): readonly KindWithFolder[] {
  return controller === undefined ? BUILT_IN_CONTROLLERS : (OTHER_CONTROLLERS[controller] ?? []);
}
