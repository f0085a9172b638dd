import { transportConformance } from "@kinsync/core/testing";
import { createPlayground, type Playground } from "@kinsync/playground";
import { afterAll, beforeAll, describe, test } from "vitest";
import { makeEnvironment } from "./support/environment.ts";

let playground: Playground;
beforeAll(async () => {
  playground = await createPlayground();
});
afterAll(async () => {
  await playground.close();
});

describe("a claim that is written through the member itself", () => {
  transportConformance(() => makeEnvironment(playground), { test });
});

describe("a claim that is written through a pod that the user names", () => {
  transportConformance(() => makeEnvironment(playground, { hasHelper: true }), { test });
});
