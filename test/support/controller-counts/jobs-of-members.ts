import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";

/** The Jobs that own a current member. */
export function jobsOfCurrentMembers({ truth, objects }: TruthMoment): readonly KubeObject[] {
  const owners = new Set<string>();
  for (const { kind, metadata } of objects) {
    if (kind !== "Pod" || truth.truth.members[metadata.name] !== "current") continue;
    for (const { uid } of metadata.ownerReferences ?? []) owners.add(uid);
  }
  return objects.filter(({ kind, metadata }) => kind === "Job" && owners.has(metadata.uid));
}
