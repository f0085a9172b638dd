import { transportConformance } from "@kinsync/core/testing";
import { createPlayground, type Playground } from "@kinsync/playground";
import { afterAll, beforeAll, describe, test } from "vitest";
import { configmap, secret } from "../src/index.ts";
import { makeEnvironment } from "./support/environment.ts";
import { except } from "./support/except.ts";

const TOO_LARGE = "its batches have more bytes than `maxBytes`; see batches.test.ts";

/** Requirements that no ConfigMap can meet, and why. */
const NOT_CLAIMED: Readonly<Record<string, string>> = {
  "an inventory of a missing root reports it as missing and creates nothing": "the mount exists as long as the pod",
  "files with unusual names arrive under these names": "keys have a restricted alphabet (capability `names`)",
  "a new version of the same size is at least one second newer": "the kubelet sets the times of files",
  "a local file that changes while it is read rejects stage and commit with that very error, and changes nothing":
    TOO_LARGE,
  "the bytes of an archive, which other sessions read too, are not changed": TOO_LARGE,
  "a transfer that is aborted halfway rejects with the reason, changes nothing, and leaves the session usable":
    TOO_LARGE,
};

let playground: Playground;
beforeAll(async () => {
  playground = await createPlayground({ kubelet: { projectionDelay: 20 } });
});
afterAll(async () => {
  await playground.close();
});

describe("a ConfigMap", () => {
  const transport = configmap({ lookEvery: 20 });
  transportConformance(() => makeEnvironment(playground, transport), { test: except(NOT_CLAIMED, test) });
});

describe("a Secret", () => {
  const transport = secret({ lookEvery: 20 });
  transportConformance(() => makeEnvironment(playground, transport), { test: except(NOT_CLAIMED, test) });
});
