import { defineKind, narrowedTo } from "@kinsync/core/contract";
import type { KindPlugin, KubeObject, RootType, WatchPlan, Wire } from "@kinsync/core/contract";
import type { V1ReplicaSetSpec } from "@kubernetes/client-node";
import { judge } from "./owned-and-alive.ts";

const REPLICA_SETS: RootType = {
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
};

/** The kind of `apps` ReplicaSets that are named as the workload itself: every live pod is current. */
export function replicaset(): KindPlugin {
  return defineKind({ name: "replicaset", root: REPLICA_SETS, watches, judge, roles: () => [] });
}

function watches({ spec }: KubeObject<Partial<Wire<V1ReplicaSetSpec>>>): WatchPlan {
  // The controller releases pods that stop matching, so the selector loses nothing.
  return { watches: [], pods: narrowedTo(spec?.selector) };
}
