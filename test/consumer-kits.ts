// The kind and the transport of examples/, compiled against the packed contract and tested with the packed kits by their author, who has
// none of this repository's sources; compiled and run by scripts/check-packages.ts.
import { after, describe, test } from "node:test";
import { kindConformance, transportConformance } from "@kinsync/core/testing";
import { createPlayground } from "@kinsync/playground";
import { cases } from "../examples/own-kind/experiment.cases.ts";
import { experiment } from "../examples/own-kind/experiment.ts";
import { makeShareEnvironment } from "../examples/own-transport/share.environment.ts";
import { makePlaygroundEnvironment } from "../examples/own-transport/share.playground.ts";

kindConformance(experiment(), cases, { test });

void describe("share, in a folder", () => {
  transportConformance(makeShareEnvironment, { test: (name, run) => void test(name, run) });
});

const playground = await createPlayground();
after(() => playground.close());

// Without confinement, volumes are not mounted where the pod's spec says.
const skip = (await playground.kubelet.confinement).kind !== "confined";
void describe("share, against the playground", { skip }, () => {
  transportConformance(() => makePlaygroundEnvironment(playground), { test: (name, run) => void test(name, run) });
});
