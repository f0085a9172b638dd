import { describe, expect, test } from "vitest";
import { transportConformance } from "@kinsync/core/testing";
import { MAKES, MISSING } from "./support/containers.ts";
import { makeLocalWorld } from "./support/world.ts";

describe.each(MAKES)("exec into a container with $name", (make) => {
  transportConformance(() => makeLocalWorld(make), { test });
});

// What this machine has no program for is shown, not passed over.
test.for(MISSING)("exec into a container with %s", (name, { skip }) => {
  expect(MAKES.map((make) => make.name)).not.toContain(name);
  skip(`${name} is not on this machine`);
});
