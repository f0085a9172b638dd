import { defineKind, narrowedTo } from "@kinsync/core/contract";
import type { KindPlugin, KubeObject, RootType, WatchPlan, Wire } from "@kinsync/core/contract";
import type { V1ReplicationControllerSpec } from "@kubernetes/client-node";
import { judge } from "./owned-and-alive.ts";

const REPLICATION_CONTROLLERS: RootType = {
  group: "",
  version: "v1",
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
};

/** The kind of ReplicationControllers: every live pod is current. */
export function replicationcontroller(): KindPlugin {
  return defineKind({
    name: "replicationcontroller",
    root: REPLICATION_CONTROLLERS,
    watches,
    judge,
    roles: () => [],
  });
}

/** The selector of a ReplicationController is a map of labels; it has no expressions. */
function watches({ spec }: KubeObject<Partial<Wire<V1ReplicationControllerSpec>>>): WatchPlan {
  const { selector } = spec ?? {};
  return { watches: [], pods: narrowedTo(selector === undefined ? undefined : { matchLabels: selector }) };
}
