import { randomBytes } from "node:crypto";
import { connectCluster } from "@kinsync/core/cluster";
import type { Pod } from "@kinsync/core/contract";
import { localFileAccess, type TransportEnvironment } from "@kinsync/core/testing";
import { createTestContainer, type Playground } from "@kinsync/playground";
import { volume } from "../../src/index.ts";

const NAMESPACE = "default";

export interface EnvironmentOptions {
  /** Another pod writes, which mounts the claim elsewhere. Default: the member itself. */
  readonly hasHelper?: boolean;
}

/** A member that mounts a claim at `/data`. */
export async function makeEnvironment(
  playground: Playground,
  { hasHelper = false }: EnvironmentOptions = {},
): Promise<TransportEnvironment> {
  const claimName = `claim-${randomBytes(4).toString("hex")}`;
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName } }];
  const container = await createTestContainer({
    playground,
    folder: "/data/work",
    spec: { volumes },
    container: { volumeMounts: [{ name: "data", mountPath: "/data" }] },
  });
  const helper = hasHelper
    ? await createTestContainer({
        playground,
        folder: "/mnt/claim/work",
        spec: { volumes },
        container: { volumeMounts: [{ name: "data", mountPath: "/mnt/claim" }] },
      })
    : undefined;
  const cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath });
  const pod = playground.store.get("pods", NAMESPACE, container.target.pod) as unknown as Pod;
  // What happens to a member's container does not reach the pod that writes.
  const writing = helper ?? container;
  return {
    transport: volume(),
    cluster,
    get target() {
      return container.target;
    },
    context: { pod, ...(helper === undefined ? {} : { options: { pod: helper.target.pod } }) },
    folder: "/data/work",
    ...localFileAccess(container.pathOf),
    ...(helper === undefined ? { restart: () => container.restart() } : {}),
    breakConnection: () => writing.breakConnection(),
    cutNext: (after) => writing.cutNext(after),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await helper?.[Symbol.asyncDispose]();
      await container[Symbol.asyncDispose]();
    },
  };
}
