import { connectCluster } from "@kinsync/core/cluster";
import { EXEC, PODS } from "./surroundings.ts";
import type { Client } from "./observe.ts";

const LIMIT_MS = 20_000;

/** kinsync as a client of the cases. */
export const kinsync: Client = async (way, { env, flags }) => {
  const { kubeconfig, context, as, asGroups, asUid, user, cluster } = flags;
  await using connection = await connectCluster({
    env,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    overrides: { as, asGroups, asUid, user, cluster },
  });
  const signal = AbortSignal.timeout(LIMIT_MS);
  if (way === "get") {
    const response = await connection.request({ path: PODS, signal });
    await response.json();
    if (response.status !== 200) throw new Error(`the server answered ${response.status}`);
    return;
  }
  const socket = await connection.webSocket(EXEC, { command: ["true"] }, ["v5.channel.k8s.io"], signal);
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onClose = () => resolve();
  await promise;
};
