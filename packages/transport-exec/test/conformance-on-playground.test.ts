import { connectCluster } from "@kinsync/core/cluster";
import { transportConformance } from "@kinsync/core/testing";
import { createPlayground, type Playground } from "@kinsync/playground";
import type { ClusterConnection } from "@kinsync/core/contract";
import { afterAll, beforeAll, describe, test } from "vitest";
import { makePlaygroundEnvironment } from "./support/playground-environment.ts";

let playground: Playground;
let cluster: ClusterConnection;

beforeAll(async () => {
  playground = await createPlayground();
  cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath });
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await playground.close();
});

describe("exec into a container of the playground", () => {
  transportConformance(() => makePlaygroundEnvironment(playground, cluster), { test });
});
