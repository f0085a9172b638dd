import type { ClusterConnection } from "@kinsync/core/contract";
import { localFileAccess, type TransportEnvironment } from "@kinsync/core/testing";
import { createTestContainer, type Playground } from "@kinsync/playground";
import { exec } from "../../src/index.ts";

/** A container of the playground, which the transport reaches through a real API server. */
export async function makePlaygroundEnvironment(
  playground: Playground,
  cluster: ClusterConnection,
): Promise<TransportEnvironment> {
  const container = await createTestContainer({ playground });
  return { ...container, ...localFileAccess(container.pathOf), transport: exec(), cluster };
}
