import { posix } from "node:path";
import type { PlantedFault } from "./fault-parts.ts";

let calls = 0;

/** By requirement of the kit about places: one mistake that this requirement must find. */
export const PLACE_FAULTS: Readonly<Record<string, PlantedFault>> = {
  "the place of a folder is the same at every call, also before anything was opened": {
    fault: "the place depends on how often it was requested",
    place: (_target, { path }) => ({ volume: `machine ${(calls += 1)}`, path: posix.resolve("/", path) }),
  },
  "a folder in a folder has a place below its place, and folders side by side have different places": {
    fault: "all folders have one place",
    place: () => ({ volume: "machine", path: "/" }),
  },
  "a place is unknown, and no error, for a relative folder and without the pod": {
    fault: "a relative folder counts as one in the root folder",
    place: (_target, { path }) => ({ volume: "machine", path: posix.resolve("/", path) }),
  },
};
