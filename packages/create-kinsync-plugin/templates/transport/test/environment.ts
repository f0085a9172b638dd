import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterConnection, Pod, Target } from "@kinsync/core/contract";
import { localFileAccess, type TransportEnvironment } from "@kinsync/core/testing";
import { __factory__ } from "../src/__name__.ts";

const TARGET: Target = {
  namespace: "default",
  pod: "web-0",
  podUid: "11111111-2222-3333-4444-555555555555",
  container: "main",
  containerId: "containerd://aaaa",
};

const POD: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: TARGET.pod, namespace: TARGET.namespace, uid: TARGET.podUid },
  spec: {
    containers: [{ name: TARGET.container, volumeMounts: [{ name: "data", mountPath: "/data" }] }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "team-data" } }],
  },
  status: { containerStatuses: [{ name: TARGET.container, containerID: TARGET.containerId, state: { running: {} } }] },
};

/** A share in a temporary folder, and a cluster that has one pod, which mounts it at `/data`. */
export async function make__PascalName__Environment(): Promise<TransportEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), "__PACKAGE__-"));
  return {
    transport: __factory__({ claims: { "team-data": folder } }),
    cluster: clusterOf(POD),
    target: TARGET,
    context: { pod: POD },
    folder: "/data",
    ...localFileAccess((path) => join(folder, path.replace(/^\/data/, ""))),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Of the API, the transport reads the pod and nothing else. */
function clusterOf(pod: Pod): ClusterConnection {
  const unused = (): never => {
    throw new Error("the transport uses only `request`");
  };
  return {
    context: "test",
    server: "https://test.invalid",
    namespace: "default",
    async request({ signal }) {
      signal.throwIfAborted();
      return {
        status: 200,
        headers: {},
        json: async () => pod,
        async *body() {
          yield Buffer.from(JSON.stringify(pod));
        },
      };
    },
    canI: unused,
    webSocket: unused,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
