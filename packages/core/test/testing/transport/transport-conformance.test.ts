import { describe, expect, test } from "vitest";
import { transportConformance, type ConformanceTest } from "../../../src/testing/index.ts";
import { makeFlawedEnvironment, type Flaw } from "./support/local-transport.ts";

describe("a transport without a flaw meets every requirement", () => {
  transportConformance(() => makeFlawedEnvironment("none"), { test });
});

describe("a flawed transport does not meet the requirement", () => {
  test.each<[Flaw, RegExp]>([
    ["commits without a check", /do not match their digest/],
    ["follows links", /never followed/],
    ["forgets modes", /arrive with their modes/],
    ["ignores who claimed", /another run replaced/],
    ["keeps the old modification time", /one second newer/],
    ["loses the manifest", /next session reports/],
    ["shows the stage", /invisible/],
    ["writes to any pod", /another UID/],
    ["writes in place", /whole files/],
  ])("one that %s", async (flaw, broken) => {
    const requirements = new Map<string, (context: ConformanceTest) => Promise<void>>();
    transportConformance(() => makeFlawedEnvironment(flaw), { test: (name, run) => requirements.set(name, run) });
    const [check] = [...requirements].filter(([name]) => broken.test(name)).map(([, run]) => run);
    await expect(check?.({ skip: () => undefined })).rejects.toThrow(/./);
  });
});
