// Started by a test and killed: a playground with one container, described on standard output.
import type { ConfinementChoice } from "../../src/runtime/confinement.ts";
import { kubeletWorld, patient } from "./kubelet-world.ts";

const world = kubeletWorld({ confinement: process.argv[2] as ConfinementChoice });
world.create("web", { containers: [patient("sleep 1000 &")] });
await world.said("web", "patient");
const root = world.kubelet.root("default", "web", "main");
process.stdout.write(`${JSON.stringify({ pid: world.kubelet.containers()[0]?.pid, root })}\n`);
setInterval(() => undefined, 60_000);
