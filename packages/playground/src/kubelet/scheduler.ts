// The only node, and the scheduler that binds pods to it.

import type { ObjectStore, StoredObject } from "../world.ts";
import { apiTime } from "./api-time.ts";
import { podSpec } from "./pod-spec.ts";

export const nodeName = "playground-node";
export const hostIp = "10.99.0.1";

/** Binds a pod to the node, or reports why it must wait. */
export function schedule(store: ObjectStore, { metadata: { namespace, name, uid } }: StoredObject): void {
  // The event may be older than the stored pod.
  const pod = store.get("pods", namespace, name);
  if (pod === undefined || pod.metadata.uid !== uid || podSpec(pod).nodeName !== undefined) return;
  if ((podSpec(pod).schedulingGates ?? []).length > 0) {
    const conditions = (pod.status?.["conditions"] ?? []) as { type: string; reason?: string }[];
    if (conditions.some(({ reason }) => reason === "SchedulingGated")) return;
    const gated = {
      type: "PodScheduled",
      status: "False",
      reason: "SchedulingGated",
      message: "Scheduling is blocked due to non-empty scheduling gates",
      lastProbeTime: null,
      lastTransitionTime: apiTime(),
    };
    store.updateStatus("pods", { ...pod, status: { ...pod.status, phase: "Pending", conditions: [gated] } });
    return;
  }
  const bound = store.update("pods", { ...pod, spec: { ...pod.spec, nodeName } });
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: apiTime() };
  store.updateStatus("pods", { ...bound, status: { ...bound.status, phase: "Pending", conditions: [scheduled] } });
}

/** The node as an object of the API. */
export function registerNode(store: ObjectStore): void {
  if (store.get("nodes", undefined, nodeName) !== undefined) return;
  const at = apiTime();
  store.create("nodes", undefined, {
    metadata: { name: nodeName, labels: { "kubernetes.io/hostname": nodeName, "kubernetes.io/os": "linux" } },
    spec: {},
    status: {
      addresses: [
        { type: "InternalIP", address: hostIp },
        { type: "Hostname", address: nodeName },
      ],
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "KubeletReady",
          message: "kubelet is posting ready status",
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        },
      ],
      nodeInfo: { kubeletVersion: "v1.34.4", operatingSystem: "linux", containerRuntimeVersion: "playground://1" },
    },
  });
}
