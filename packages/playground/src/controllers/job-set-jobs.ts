// The Jobs of a JobSet: what they are created as, and how far the Jobs of each replicated job are.

import type { NewObject, StoredObject } from "../world.ts";
import { isFinishedJob } from "./job.ts";
import {
  jobLabels,
  jobName,
  jobSetSpec,
  replicasOf,
  replicatedJobOf,
  subdomainOf,
  type JobSetSpec,
  type ReplicatedJob,
} from "./job-set-spec.ts";
import { controllerReference, isTrue, numberAt } from "./objects.ts";

/** An entry of `status.replicatedJobsStatus`: how many Jobs of a replicated job are in each state. */
export interface RoleStatus {
  readonly name: string;
  readonly ready: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly active: number;
  readonly suspended: number;
}

/** One entry for each replicated job. `present`: the Jobs of the current attempt. */
export function statusesOf(spec: JobSetSpec, present: readonly StoredObject[]): RoleStatus[] {
  return (spec.replicatedJobs ?? []).map(({ name }) => {
    const own = present.filter((job) => replicatedJobOf(job) === name);
    const count = (test: (job: StoredObject) => boolean): number => own.filter(test).length;
    return {
      name,
      ready: count((job) => !isFinishedJob(job) && job.spec?.["suspend"] !== true && isReadyJob(job)),
      succeeded: count((job) => isTrue(job, "Complete")),
      failed: count((job) => isTrue(job, "Failed")),
      active: count((job) => !isFinishedJob(job) && numberAt(job.status, "active", 0) > 0),
      suspended: count((job) => job.spec?.["suspend"] === true),
    };
  });
}

/** The Job of one replica, as it is created. */
export function jobOf(set: StoredObject, replicated: ReplicatedJob, index: number, suspended: boolean): NewObject {
  const { metadata, spec } = replicated.template;
  const stamped = jobLabels(set, replicated, index);
  const template = spec?.template;
  const { network } = jobSetSpec(set);
  const topology = set.metadata.annotations?.["alpha.jobset.sigs.k8s.io/exclusive-topology"];
  const annotations =
    topology === undefined ? stamped : { ...stamped, "alpha.jobset.sigs.k8s.io/exclusive-topology": topology };
  return {
    metadata: {
      name: jobName(set, replicated, index),
      labels: { ...metadata?.labels, ...stamped },
      annotations: { ...metadata?.annotations, ...annotations },
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...spec,
      suspend: suspended,
      template: {
        ...template,
        metadata: {
          ...template?.metadata,
          labels: { ...template?.metadata?.labels, ...stamped },
          annotations: { ...template?.metadata?.annotations, ...annotations },
        },
        spec: { ...template?.spec, ...(network?.enableDNSHostnames === false ? {} : { subdomain: subdomainOf(set) }) },
      },
    },
  };
}

export function isStarted(replicated: ReplicatedJob, role: RoleStatus): boolean {
  return role.ready + role.succeeded + role.failed >= replicasOf(replicated);
}

/** Whether as many pods as the Job runs at a time are ready or have succeeded. */
function isReadyJob(job: StoredObject): boolean {
  const parallelism = numberAt(job.spec, "parallelism", 1);
  const expected = Math.min(parallelism, numberAt(job.spec, "completions", parallelism));
  return numberAt(job.status, "succeeded", 0) + numberAt(job.status, "ready", 0) >= expected;
}

type Fields = Readonly<Record<string, unknown>>;

/** A Job's pod template with what a queue wrote into the JobSet's, in the fields that a queue may set. */
export function mergedTemplate(job: unknown, set: unknown): unknown {
  const [own, other] = [job, set] as ({ metadata?: Fields; spec?: Fields } | undefined)[];
  const both = (field: "labels" | "annotations"): Fields => ({
    ...(own?.metadata?.[field] as Fields | undefined),
    ...(other?.metadata?.[field] as Fields | undefined),
  });
  const nodeSelector = {
    ...(own?.spec?.["nodeSelector"] as Fields | undefined),
    ...(other?.spec?.["nodeSelector"] as Fields | undefined),
  };
  const from = (field: string): Fields => (other?.spec?.[field] === undefined ? {} : { [field]: other.spec[field] });
  return {
    ...own,
    metadata: { ...own?.metadata, labels: both("labels"), annotations: both("annotations") },
    spec: {
      ...own?.spec,
      ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
      ...from("tolerations"),
      schedulingGates: other?.spec?.["schedulingGates"] ?? [],
    },
  };
}
