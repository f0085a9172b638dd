import {
  defineKind,
  delegatedVerdict,
  type KindDefinition,
  type KindPlugin,
  type ResourceType,
  type Verdict,
} from "../../../src/contract/index.ts";

export const TRAIN_JOBS: ResourceType = {
  group: "trainer.kubeflow.org",
  version: "v1alpha1",
  kind: "TrainJob",
  plural: "trainjobs",
};
export const JOBSETS: ResourceType = {
  group: "jobset.x-k8s.io",
  version: "v1alpha2",
  kind: "JobSet",
  plural: "jobsets",
};
export const STUDIOS: ResourceType = { group: "example.com", version: "v1", kind: "Studio", plural: "studios" };
export const LABS: ResourceType = { group: "example.com", version: "v1", kind: "Lab", plural: "labs" };

export function unsettled(code: string): Verdict {
  return { state: "unsettled", reason: { code, message: "it is not below a delegated child" } };
}

/** A kind that leaves everything to the kind of one resource. */
export function parentKind(root: ResourceType, child: ResourceType, more: Partial<KindDefinition> = {}): KindPlugin {
  return defineKind({
    name: root.kind.toLowerCase(),
    needs: ["delegate"],
    root,
    watches: () => ({ watches: [{ resource: child, delegate: true }], pods: "delegated" }),
    judge: (view) => ({ pod: (owned) => delegatedVerdict(view, owned) ?? unsettled("no-child") }),
    ...more,
  });
}
