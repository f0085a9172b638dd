import { describe, expect, test } from "vitest";
import { transportConformance } from "@kinsync/core/testing";
import { MAKES, MISSING } from "./support/containers.ts";
import { makeLocalEnvironment } from "./support/environment.ts";

describe.each(MAKES)("exec into a container with $name", (make) => {
  transportConformance(() => makeLocalEnvironment(make), { test });
});

// A runtime that this machine lacks is reported as skipped.
test.for(MISSING)("exec into a container with %s", (name, { skip }) => {
  expect(MAKES.map((make) => make.name)).not.toContain(name);
  skip(`${name} is not on this machine`);
});
