import {
  defineKind,
  verdictOfInactivePod,
  type KindPlugin,
  type KubeObject,
  type OwnerReference,
  type Pod,
  type ResourceType,
} from "../../src/contract/index.ts";
import { apiVersionOf } from "../../src/kube/resource-path.ts";

export const NAMESPACE = "ml";

export const PODS: ResourceType = { group: "", version: "v1", kind: "Pod", plural: "pods", shortNames: ["po"] };
export const NAMESPACES: ResourceType = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
};
export const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
export const DEPLOYMENTS: ResourceType = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
};
export const REPLICASETS: ResourceType = { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets" };
export const STATEFULSETS: ResourceType = { group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets" };
export const TEAMS: ResourceType = {
  group: "example.com",
  version: "v1alpha1",
  kind: "Team",
  plural: "teams",
  shortNames: ["tm"],
};
export const SQUADS: ResourceType = { group: "squads.example.com", version: "v1", kind: "Squad", plural: "squads" };
export const CLUSTER_TEAMS: ResourceType = {
  group: "example.com",
  version: "v1alpha1",
  kind: "ClusterTeam",
  plural: "clusterteams",
  namespaced: false,
};

export const SERVICES: ResourceType = {
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
};

export const ALL = [
  PODS,
  NAMESPACES,
  JOBS,
  DEPLOYMENTS,
  REPLICASETS,
  STATEFULSETS,
  TEAMS,
  SQUADS,
  CLUSTER_TEAMS,
] as const;

export interface ObjectParts {
  readonly uid?: string;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner?: KubeObject | Pod;
  /** Default: `true`. */
  readonly controller?: boolean;
  readonly owners?: readonly OwnerReference[];
  readonly deleting?: boolean;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export function ownerReference(owner: KubeObject | Pod, controller = true): OwnerReference {
  const { name, uid } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller };
}

export function object(resource: ResourceType, name: string, parts: ObjectParts = {}): KubeObject {
  const owners = parts.owners ?? (parts.owner === undefined ? [] : [ownerReference(parts.owner, parts.controller)]);
  const namespace = "namespace" in parts ? parts.namespace : NAMESPACE;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name,
      uid: parts.uid ?? `uid-${name}`,
      ...(resource.namespaced === false || namespace === undefined ? {} : { namespace }),
      ...(parts.labels === undefined ? {} : { labels: parts.labels }),
      ...(parts.annotations === undefined ? {} : { annotations: parts.annotations }),
      ...(owners.length === 0 ? {} : { ownerReferences: owners }),
      ...(parts.deleting === true ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    ...(parts.spec === undefined ? {} : { spec: parts.spec }),
    ...(parts.status === undefined ? {} : { status: parts.status }),
  };
}

export function pod(name: string, parts: ObjectParts = {}): Pod & KubeObject {
  return object(PODS, name, {
    spec: { containers: [{ name: "main", image: "busybox:1" }] },
    ...parts,
    status: parts.status ?? {
      phase: "Running",
      containerStatuses: [
        { name: "main", containerID: `containerd://${name}`, ready: true, state: { running: { startedAt: "x" } } },
      ],
    },
  }) as Pod & KubeObject;
}

/** A kind with a Job level: role by label, current where the Job's attempt is the root's; `unsettled` where the root says so. */
export function teamKind(more: Partial<KindPlugin> = {}): KindPlugin {
  return defineKind({
    name: "team",
    root: TEAMS,
    watches: () => ({ watches: [{ resource: JOBS }] }),
    judge: ({ root, owned }) => {
      const attempt = Number(root.status?.["attempt"] ?? 0);
      const attempts = new Map(owned.map((job) => [job.metadata.uid, Number(job.metadata.labels?.["attempt"] ?? 0)]));
      return {
        ...(root.spec?.["suspend"] === true
          ? { notes: [{ code: "suspended", message: "the Team is suspended" }] }
          : {}),
        pod: ({ pod, owners }) => {
          const role = pod.metadata.labels?.["role"];
          const index = pod.metadata.labels?.["index"];
          const place = { ...(role === undefined ? {} : { role }), ...(index === undefined ? {} : { index }) };
          const inactive = verdictOfInactivePod(pod);
          if (inactive !== undefined) return { ...inactive, ...place };
          if (root.status?.["settled"] === false) {
            return { state: "unsettled", ...place, reason: { code: "unsettled", message: "the Team is not settled" } };
          }
          const [job] = owners;
          const own =
            job === undefined ? Number(pod.metadata.labels?.["attempt"] ?? 0) : attempts.get(job.metadata.uid);
          return {
            state: own === attempt ? "current" : "superseded",
            ...place,
            reason: {
              code: own === attempt ? "attempt-equal" : "attempt-behind",
              message: `its Job is of attempt ${String(own)}, the Team is at ${attempt}`,
              evidence: { "status.attempt": attempt },
            },
          };
        },
      };
    },
    ...more,
  });
}
