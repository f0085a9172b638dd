import { randomUUID } from "node:crypto";
import { connectCluster } from "@kinsync/core/cluster";
import { localFileAccess, type TransportEnvironment } from "@kinsync/core/testing";
import { createTestContainer, type Playground } from "@kinsync/playground";
import { share } from "./share.ts";

/**
 * A real API server, and a pod whose container mounts a claim. The transport writes to the folder of the claim on this machine; the kit
 * reads the files as the container sees them.
 */
export async function makePlaygroundEnvironment(playground: Playground): Promise<TransportEnvironment> {
  const claim = `data-${randomUUID()}`;
  const container = await createTestContainer({
    playground,
    folder: "/data/work",
    spec: { volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }] },
    container: { volumeMounts: [{ name: "data", mountPath: "/data" }] },
  });
  const cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath });
  return {
    transport: share({ claims: { [claim]: container.pathOf("/data") } }),
    cluster,
    // Without `restart` and the faults of connections: this transport has no session in the container that could end.
    target: container.target,
    folder: container.folder,
    ...localFileAccess(container.pathOf),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await container[Symbol.asyncDispose]();
    },
  };
}
